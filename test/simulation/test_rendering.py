# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures, identities and depth of a scene whose geometry is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation import surroundings
from psg_ros.simulation.catalog import CLASSES, PREDICATES, THINGS
from psg_ros.simulation.physics import settle
from psg_ros.simulation.rendering import CameraPose
from psg_ros.simulation.scene import CameraRange, ScenePlan
from psg_ros.simulation.truth import describe, segment_boxes
from psg_ros.simulation.views import apply_light, apply_palettes, expose, sample_palettes

FROM_FRONT = CameraPose((0, 0, 0.75), distance=1.0, azimuth=90, elevation=-30, fovy=45)


@pytest.fixture(scope="module")
def scene():
    """An apple and, far behind it, a very small one, on a table; no floor, no walls."""
    plan = ScenePlan()
    rng = np.random.default_rng(0)
    plan.add("table-merged", surroundings.table((0.8, 0.5), 0.7), (0, 0, 0), fixed=True)
    plan.add("apple", THINGS["apple"].build(rng, 1.5), (0, 0, 0.701))
    plan.add("apple", THINGS["apple"].build(rng, 0.2), (0.3, 0.4, 0.701))
    plan.cameras = CameraRange((0, 0, 0.7), (1, 1), (0, 0), (30, 30))
    scene = settle(plan, rng)
    apply_palettes(scene.compiled, sample_palettes(plan, rng))
    apply_light(scene, rng)
    return scene


def test_the_pixel_in_the_middle_is_the_apple_at_its_distance(renderer, scene):
    renderer.load(scene.compiled)
    view = renderer.render(scene.data, FROM_FRONT)
    assert view.rgb.shape == (120, 160, 3) and view.rgb.dtype == np.uint8
    assert scene.compiled.geom_item[view.geom[60, 80]] == 1
    apple = scene.data.xpos[scene.compiled.item_body[1]] + [0, 0, 0.07]
    distance = np.linalg.norm(FROM_FRONT.position - apple)
    assert view.depth[60, 80] == pytest.approx(distance, abs=0.09)
    assert view.depth.max() > 2, "the background is far"


def test_above_is_above(renderer, scene):
    """Pictures of a GL buffer come upside down: the table must be below the apple."""
    renderer.load(scene.compiled)
    view = renderer.render(scene.data, FROM_FRONT)
    items = np.where(view.geom >= 0, scene.compiled.geom_item[view.geom], -1)
    assert (items[0] == -1).all()
    assert (items[-1] == 0).any()


def test_truth_keeps_large_segments_and_leaves_small_ones_void(renderer, scene):
    renderer.load(scene.compiled)
    view = renderer.render(scene.data, FROM_FRONT)
    frame = describe(scene, view, view.rgb)
    assert [CLASSES[k] for k in frame.labels] == ["table-merged", "apple"]
    tiny = scene.compiled.geom_item[view.geom] == 2
    tiny &= view.geom >= 0
    assert 0 < tiny.sum() < 40
    assert (frame.label_map[tiny] == -1).all()
    assert (frame.label_map[view.geom < 0] == -1).all()
    assert [(s, PREDICATES[p], o) for s, o, p in frame.relations] == [(1, "on", 0)]
    assert frame.label_map.dtype == np.int32 and frame.relations.dtype == np.int32
    assert frame.depth.dtype == np.float32


def test_boxes_have_exclusive_right_and_bottom():
    label_map = np.full((4, 5), -1, np.int32)
    label_map[1:3, 2:5] = 0
    label_map[3, 0] = 1
    np.testing.assert_array_equal(segment_boxes(label_map, 2), [[2, 1, 5, 3], [0, 3, 1, 4]])


@pytest.mark.parametrize("level", [25, 60, 120, 230])
def test_exposure_brings_pictures_to_a_middle_brightness(level):
    rgb = np.full((60, 80, 3), level, np.uint8)
    exposed = expose(rgb, np.random.default_rng(0))
    assert exposed.dtype == np.uint8
    assert min(level * 2.4, 85) < exposed.mean() < 170
