# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stale graph: the same ids and relations, all of them coasting, and nothing segmented."""

import numpy as np
from std_msgs.msg import Header

from psg_ros.ros.conversions import scene_graph_to_msg
from psg_ros.ros.stale_graph import stale_graph
from psg_ros.scene_graph import (
    VOID,
    Position,
    Quality,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)


def node(segment, id_):
    track = None if id_ is None else Track(id_, TrackState.CONFIRMED, 5)
    place = Position((0, 0, 1), (0,) * 9, (1, 1, 1))
    return SceneNode(
        segment, 0, "cup", True, 0.9, (0, 0, 2, 2), (1, 1), 4, False, track=track, position=place
    )


def graph(*ids):
    """Return a graph of 6 x 8 px with one node per id; None is a node without a track."""
    count = len(ids)
    label_map = np.full((6, 8), VOID, np.int32)
    label_map[0, :count] = range(count)
    segmentation = Segmentation(label_map, np.zeros(count, np.int64), np.ones(count, np.float32))
    nodes = tuple(node(segment, id_) for segment, id_ in enumerate(ids))
    relations = (SceneRelation(0, 2, 0, "on", 0.8), SceneRelation(1, 2, 0, "on", 0.7))
    return SceneGraph(segmentation, nodes, relations, spatial_frame_id="map")


def test_nodes_keep_their_ids_and_coast_and_relations_stay_between_them():
    stale = stale_graph(graph(7, 8, 9))
    assert stale.quality == Quality.STALE and stale.node_ids == [7, 8, 9]
    assert {n.track.state for n in stale.nodes} == {TrackState.COASTING}
    assert {n.track.first_seen_ns for n in stale.nodes} == {5}
    assert [(r.subject, r.object) for r in stale.relations] == [(0, 2), (1, 2)]
    assert stale.times.inference_ms == 0


def test_nothing_is_segmented_and_no_position_is_claimed():
    stale = stale_graph(graph(7, 8, 9))
    assert (stale.segmentation.label_map == VOID).all() and stale.segmentation.image_hw == (6, 8)
    assert not any(n.position for n in stale.nodes) and stale.spatial_frame_id == ""


def test_a_node_without_a_track_is_left_out_with_its_relations():
    stale = stale_graph(graph(7, None, 9))
    assert stale.node_ids == [7, 9]
    assert [(r.subject, r.object) for r in stale.relations] == [(0, 1)]


def test_an_empty_graph_and_a_stale_one_stay_what_they_are():
    nothing = stale_graph(graph(7, 8, 9)).segmentation
    empty = SceneGraph(nothing, (), ())
    assert stale_graph(empty).nodes == ()
    once = stale_graph(graph(7, 8, 9))
    again = stale_graph(once)
    assert again.nodes == once.nodes and again.relations == once.relations


def test_the_message_says_so():
    message = scene_graph_to_msg(stale_graph(graph(7, 8, 9)), Header())
    assert message.quality == message.QUALITY_STALE
    assert {n.segment_id for n in message.nodes} == {0}
    assert {n.track_state for n in message.nodes} == {3}
    assert [(r.subject_id, r.object_id) for r in message.relations] == [(7, 9), (8, 9)]
