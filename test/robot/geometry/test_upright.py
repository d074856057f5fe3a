# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera on its side or upside down: gravity tells what is up, and relations stay the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psg_ros.labels import load_vocabulary
from psg_ros.robot.geometry import KindTable, Relater, gather_facts
from psg_ros.robot.geometry.extents import axes_along
from psg_ros.robot.geometry.upright import quarter_turns, turn_boxes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import Segmentation

VOCABULARY = load_vocabulary(Path(__file__).parents[3] / "config" / "labels" / "psg.yaml")
NAMES = ("wall-other-merged", "floor-other-merged", "chair", "cat")
HW, FOCAL, HEIGHT_M = (120, 160), 160.0, 1.2
# Where up is in an image that was turned clockwise so many times by 90 degrees.
UP = {0: (0.0, -1.0, 0.0), 1: (1.0, 0.0, 0.0), 2: (0.0, 1.0, 0.0), 3: (-1.0, 0.0, 0.0)}


def room():
    """Label map, depth and rays of a chair and a cat beside it, taken upright from 1.2 m."""
    label_map = np.zeros(HW, np.int32)
    label_map[70:], label_map[40:100, 60:90], label_map[80:100, 94:110] = 1, 2, 3
    rows = np.arange(HW[0], dtype=np.float32)[:, None]
    floor = np.minimum(HEIGHT_M * FOCAL / np.maximum(rows - 60, 1), 20.0)
    depth = np.broadcast_to(floor, HW).copy()
    depth[40:100, 60:90] = depth[80:100, 94:110] = HEIGHT_M * FOCAL / 40
    columns, rows = np.meshgrid(np.arange(HW[1]) - HW[1] / 2, np.arange(HW[0]) - HW[0] / 2)
    return label_map, depth.astype(np.float32), np.stack([columns, rows], axis=2) / FOCAL


def relations(turns, up, with_depth):
    """Return what is related in the room when the camera is turned clockwise `turns` times."""
    label_map, depth, rays = (np.rot90(array, -turns) for array in room())
    for _ in range(turns):  # what was to the right is down now
        rays = np.stack([-rays[..., 1], rays[..., 0]], axis=2)
    label_map = np.ascontiguousarray(label_map)
    labels = np.array(VOCABULARY.label_index(NAMES), np.int64)
    segmentation = Segmentation(label_map, labels, np.ones(len(labels), np.float32))
    regions = measure_regions(label_map, len(labels))
    measured = {}
    if with_depth:
        measured["depth"] = np.ascontiguousarray(depth)
        measured["rays"] = lambda step: rays[::step, ::step]
    facts = gather_facts(segmentation, regions, KindTable(VOCABULARY), up=up, **measured)
    found = Relater(VOCABULARY)(facts, labels)
    words = VOCABULARY.predicate_names
    return {(NAMES[s], words[p], NAMES[o]) for s, o, p in np.argwhere(found >= 0.5)}


@pytest.mark.parametrize("with_depth", [False, True])
@pytest.mark.parametrize("turns", UP)
def test_relations_do_not_depend_on_how_the_camera_hangs(turns, with_depth):
    expected = {
        ("chair", "standing on", "floor-other-merged"),
        ("cat", "on", "floor-other-merged"),
        ("chair", "beside", "cat"),
    }
    assert relations(turns, UP[turns], with_depth) == expected


def test_without_gravity_an_image_upside_down_is_taken_for_upright():
    assert ("chair", "standing on", "floor-other-merged") not in relations(2, None, False)


@pytest.mark.parametrize("turns", UP)
def test_boxes_turn_with_the_image(turns):
    label_map = np.rot90(room()[0], -turns)
    boxes = measure_regions(np.ascontiguousarray(label_map), len(NAMES)).bbox_xyxy
    upright = measure_regions(room()[0], len(NAMES)).bbox_xyxy
    np.testing.assert_array_equal(turn_boxes(boxes, label_map.shape, turns), upright)


@pytest.mark.parametrize(
    "up, turns",
    [((0.1, -0.9, 0.3), 0), ((0.8, -0.1, 0.2), 1), ((-3.0, 1.0, 0.0), 3), ((0.1, 0.2, -1.0), 0)],
)
def test_the_nearest_side_counts_and_none_for_a_camera_that_looks_down(up, turns):
    assert quarter_turns(up) == turns


@pytest.mark.parametrize("up", [(0, 1, 0), (0.3, 0.8, -0.5), (0, 0, -1), (0, 0.05, 2.0)])
def test_the_axes_of_boxes_are_a_rotation_even_straight_down(up):
    axes = axes_along(np.array(up, np.float64))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(axes[1], np.array(up) / np.linalg.norm(up))
    assert np.linalg.det(axes) == pytest.approx(1.0)
