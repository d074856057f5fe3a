# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs that the demo's watcher reads off the wire."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("psg_ros.msg", reason="needs the generated messages")

from std_msgs.msg import Header

from psg_ros.message_reading import graph_from_msg
from psg_ros.ros.conversions import scene_graph_to_msg
from psg_ros.scene_graph import (
    VOID,
    Position,
    Quality,
    RelationSource,
    RelationState,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)


def test_relations_keep_the_number_that_they_are_sorted_by():
    label_map = np.array([[0, 1]], np.int32)
    nodes = tuple(
        SceneNode(i, i, "box", True, 0.5, (i, 0, i + 1, 1), (i + 0.5, 0.5), 1, True)
        for i in range(2)
    )
    relations = (
        SceneRelation(0, 1, 0, "on", 0.25, probability=0.75),
        SceneRelation(1, 0, 0, "on", 0.5, probability=0.5),
        SceneRelation(1, 0, 1, "beside", 0.125),
    )
    segmentation = Segmentation(label_map, np.arange(2), np.full(2, 0.5, np.float32))
    sent = scene_graph_to_msg(SceneGraph(segmentation, nodes, relations), Header())
    received = graph_from_msg(sent).relations
    assert [relation.confidence for relation in received] == [0.75, 0.5, 0.125]
    assert math.isnan(received[2].probability)


def test_whatever_a_message_can_say_of_nodes_and_relations_our_own_types_say_as_well():
    track = Track(7, TrackState.CONFIRMED, 1_700_000_000_123_456_789)
    position = Position((1.0, -2.0, 3.0), tuple(i / 8 for i in range(9)), (0.5, 0.25, 0.0))
    box = (0, 0, 1, 1), (0.5, 0.5), 1, True
    nodes = (
        SceneNode(0, 0, "box", True, 0.5, *box, track, position),
        SceneNode(1, 1, "floor", False, 0.25, *box, Track(4, TrackState.TENTATIVE, 5)),
        SceneNode(VOID, 0, "box", True, 0.5, *box, Track(2, TrackState.COASTING, 6)),
    )
    relations = (
        SceneRelation(
            *(0, 2, 0, "on", 0.5, 0.75), RelationSource.FUSED, RelationState.CONFIRMED, 8
        ),
    )
    label_map = np.full((3, 2), VOID, np.int32)
    segmentation = Segmentation(label_map, np.arange(2), np.array([0.5, 0.25], np.float32))
    graph = SceneGraph(
        segmentation, nodes, relations, spatial_frame_id="map", quality=Quality.REDUCED
    )
    message = scene_graph_to_msg(graph, Header())
    assert [node.segment_id for node in message.nodes] == [1, 2, 0]
    received = graph_from_msg(message)
    assert (received.nodes, received.relations) == (graph.nodes, graph.relations)
    assert (received.spatial_frame_id, received.quality) == ("map", Quality.REDUCED)
