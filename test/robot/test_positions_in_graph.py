# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Positions on their way from a frame into the graph."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tiny_model import paint

from psg_ros.config import PipelineConfig
from psg_ros.frame import Camera, Frame, Pose
from psg_ros.robot.pipeline import Pipeline
from psg_ros.scene_graph import VOID

HW = (64, 96)
SCENE = {"red": (10, 10, 40, 40), "blue": (60, 20, 90, 50), "yellow": (30, 50, 60, 62)}
AWAY_M = {"red": 1.0, "blue": 2.0, "yellow": 0.0}
IMAGE = paint(HW, SCENE)
CAMERA = Camera(HW, (80.0, 80.0), (47.5, 31.5))


def depth():
    """Return metres: red and blue at their distance, of yellow nothing was measured."""
    metres = np.full(HW, 5.0, np.float32)
    for name, (left, top, right, bottom) in SCENE.items():
        metres[top:bottom, left:right] = AWAY_M[name]
    return metres


def graph_of(model, frame, measure=None):
    with Pipeline.open(PipelineConfig(str(model), merge_resolution="image")) as pipeline:
        graph = pipeline(frame, measure)
        return graph, pipeline.step_ms


def test_nodes_have_positions_where_there_is_depth(tiny_model):
    frame = Frame(IMAGE, depth(), CAMERA, frame_id="eye", pose=Pose("eye"))
    graph, step_ms = graph_of(tiny_model, frame)
    positions = {node.class_name: node.position for node in graph.nodes}
    assert graph.spatial_frame_id == "eye" and "positions" in step_ms
    assert positions["red"].xyz_m == pytest.approx((-0.2869, -0.0869, 1.0), abs=0.02)
    assert positions["blue"].xyz_m == pytest.approx((0.675, 0.075, 2.0), abs=0.04)
    assert positions["yellow"] is None


PARTS = {"depth": depth(), "camera": CAMERA, "pose": Pose("eye")}


@pytest.mark.parametrize("missing", PARTS)
def test_without_any_part_of_it_the_graph_is_the_same_but_flat(tiny_model, missing):
    whole, _ = graph_of(tiny_model, Frame(IMAGE, **PARTS))
    parts = {name: part for name, part in PARTS.items() if name != missing}
    graph, _ = graph_of(tiny_model, Frame(IMAGE, **parts))
    assert graph.spatial_frame_id == ""
    assert graph.nodes == tuple(dataclasses.replace(n, position=None) for n in whole.nodes)
    assert graph.relations == whole.relations


def test_what_is_measured_of_a_frame_may_come_after_its_segments(tiny_model):
    asked = []

    def measure(frame):
        asked.append(frame)
        return dataclasses.replace(frame, **PARTS)

    late, step_ms = graph_of(tiny_model, Frame(IMAGE), measure)
    early, _ = graph_of(tiny_model, Frame(IMAGE, **PARTS))
    assert late.nodes == early.nodes and late.spatial_frame_id == "eye" and "depth" in step_ms
    assert len(asked) == 1 and asked[0].depth is None


def test_an_empty_scene_in_space_is_an_empty_graph(tiny_model):
    frame = Frame(np.zeros((*HW, 3), np.uint8), depth(), CAMERA, pose=Pose("eye"))
    graph, _ = graph_of(tiny_model, frame)
    assert graph.nodes == () and (graph.segmentation.label_map == VOID).all()
    assert graph.spatial_frame_id == "eye"
