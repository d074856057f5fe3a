# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a viewer shows after any sequence of graphs: what is there, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("visualization_msgs", reason="needs visualization_msgs")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.node_config import NodeConfig
from psg_ros.ros.conversions import ns_to_time
from psg_ros.ros.markers import KEPT_S, Markers, upward_in
from psg_ros.scene_graph import (
    VOID,
    Position,
    RelationState,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)

VOCABULARY = Vocabulary(
    (
        ObjectLabel("cup", True, (255, 0, 0)),
        ObjectLabel("table", True, (0, 255, 0)),
        ObjectLabel("wall", False, (0, 0, 255)),
    ),
    (Predicate("on"), Predicate("beside")),
)
CUP, TABLE, WALL = range(3)
ON, BESIDE = range(2)
PERIOD_NS = 100_000_000


def node(segment, label, number, xyz=None):
    position = None if xyz is None else Position(xyz, (0.0,) * 9, (0.2, 0.3, 0.4))
    return SceneNode(
        segment, label, VOCABULARY.labels[label].name, VOCABULARY.labels[label].is_thing, 0.9,
        (0, 0, 1, 1), (0.0, 0.0), 1, False, Track(number, TrackState.CONFIRMED, 0), position,
    )  # fmt: skip


def graph(*entries, relations=(), frame="map"):
    """Return a graph of nodes (label, id, place) and relations (subject, predicate, object)."""
    nodes = tuple(node(i, *entry) for i, entry in enumerate(entries))
    parts = Segmentation(
        np.full((2, 2), VOID, np.int32), np.zeros(len(nodes), np.int64),
        np.zeros(len(nodes), np.float32),
    )  # fmt: skip
    words = ("on", "beside")
    made = tuple(
        SceneRelation(s, o, p, words[p], 0.9, state=state[0] if state else None)
        for s, p, o, *state in relations
    )
    return SceneGraph(parts, nodes, made, spatial_frame_id=frame)


class Viewer:
    """Does what RViz does with the messages of one camera."""

    def __init__(self):
        self.markers, self.made, self.count, self.messages = {}, Markers(), 0, []

    def see(self, seen, activated=0, **config):
        self.count += 1
        header = Header(stamp=ns_to_time(self.count * PERIOD_NS), frame_id="eye_optical_frame")
        finished = SimpleNamespace(
            graph=seen, header=header, config=NodeConfig(**config), vocabulary=VOCABULARY,
            message=SimpleNamespace(activated=Time(sec=activated)),
        )  # fmt: skip
        array = self.made.message(finished)
        self.messages.append(array)
        for marker in array.markers if array else ():
            if marker.action == Marker.DELETEALL:
                self.markers.clear()
            elif marker.action == Marker.DELETE:
                del self.markers[marker.ns, marker.id]  # an id that is not there is an error
            else:
                assert marker.header.frame_id == seen.spatial_frame_id
                assert marker.header.stamp == header.stamp
                assert not marker.lifetime.sec and not marker.lifetime.nanosec
                self.markers[marker.ns, marker.id] = marker

    @property
    def keys(self):
        return set(self.markers)


@pytest.fixture
def viewer():
    return Viewer()


AT_HOME = (CUP, 7, (1.0, 2.0, 0.8)), (TABLE, 3, (1.0, 2.0, 0.4)), (WALL, 5, (4.0, 0.0, 1.0))


def test_things_are_boxes_stuff_is_a_ball_and_all_have_names(viewer):
    viewer.see(graph(*AT_HOME))
    assert viewer.keys == {
        ("things", 7), ("names", 7), ("things", 3), ("names", 3), ("stuff", 5), ("names", 5),
    }  # fmt: skip
    box = viewer.markers["things", 7]
    assert box.type == Marker.CUBE
    assert (box.pose.position.x, box.pose.position.y, box.pose.position.z) == (1, 2, 0.8)
    assert (box.scale.x, box.scale.y, box.scale.z) == (0.2, 0.3, 0.4)
    assert (box.color.r, box.color.g, box.color.b) == (1, 0, 0) and 0 < box.color.a < 1
    assert viewer.markers["stuff", 5].type == Marker.SPHERE
    name = viewer.markers["names", 7]
    assert name.text == "cup 7" and name.pose.position.z > 0.8 + 0.4 / 2
    assert all(marker.pose.orientation.w == 1 for marker in viewer.markers.values())


def test_relations_are_arrows_from_subject_to_object_with_their_words(viewer):
    viewer.see(graph(*AT_HOME, relations=[(0, ON, 1)]))
    (arrow,) = (m for (ns, _), m in viewer.markers.items() if ns == "relations")
    assert arrow.type == Marker.ARROW
    assert [(p.x, p.y, p.z) for p in arrow.points] == [(1, 2, 0.8), (1, 2, 0.4)]
    word = viewer.markers["predicates", arrow.id]
    assert word.text == "on" and word.pose.position.z == pytest.approx(0.6)


def test_ids_stay_whatever_order_the_graph_has(viewer):
    viewer.see(graph(*AT_HOME, relations=[(0, ON, 1), (1, BESIDE, 2)]))
    before = {key: marker.text for key, marker in viewer.markers.items()}
    viewer.see(graph(*AT_HOME[::-1], relations=[(1, BESIDE, 0), (2, ON, 1)]))
    assert {key: marker.text for key, marker in viewer.markers.items()} == before
    assert not any(m.action == Marker.DELETE for m in viewer.messages[-1].markers)


def test_what_leaves_the_graph_is_deleted_and_nothing_else(viewer):
    viewer.see(graph(*AT_HOME, relations=[(0, ON, 1), (1, BESIDE, 2)]))
    viewer.see(graph(*AT_HOME[1:], relations=[(0, BESIDE, 1)]))
    assert {(ns, n) for ns, n in viewer.keys if ns != "relations" and ns != "predicates"} == {
        ("things", 3), ("names", 3), ("stuff", 5), ("names", 5),
    }  # fmt: skip
    assert [m.text for (ns, _), m in viewer.markers.items() if ns == "predicates"] == ["beside"]
    viewer.see(graph())
    assert viewer.keys == set()


def test_where_depth_fails_for_a_moment_markers_stay_and_then_go(viewer):
    viewer.see(graph(*AT_HOME, relations=[(0, ON, 1)]))
    shown = viewer.keys
    blind = [(label, number, None) for label, number, _ in AT_HOME]
    viewer.see(graph(*blind, relations=[(0, ON, 1)], frame=""))
    assert viewer.keys == shown
    for _ in range(round(KEPT_S * 1e9 / PERIOD_NS) + 1):
        viewer.see(graph(*blind, relations=[(0, ON, 1)], frame=""))
    assert viewer.keys == set()


def test_a_flat_graph_has_no_markers_and_no_message(viewer):
    viewer.see(graph((CUP, 1, None), frame=""))
    viewer.see(graph((CUP, 1, None), frame=""))
    assert viewer.keys == set() and viewer.messages[1] is None


def test_another_activation_begins_with_an_empty_scene(viewer):
    viewer.see(graph(*AT_HOME))
    viewer.see(graph(*AT_HOME[:1]), activated=1)
    assert viewer.messages[1].markers[0].action == Marker.DELETEALL
    assert viewer.keys == {("things", 7), ("names", 7)}


def test_a_farewell_takes_all_away_once(viewer):
    assert viewer.made.farewell() is None
    viewer.see(graph(*AT_HOME, relations=[(0, ON, 1)]))
    assert [marker.action for marker in viewer.made.farewell().markers] == [Marker.DELETEALL]
    assert viewer.made.farewell() is None
    viewer.markers.clear()
    viewer.see(graph(*AT_HOME[:1]))
    assert viewer.keys == {("things", 7), ("names", 7)}


def test_only_established_relations_are_shown_and_no_more_than_asked_for(viewer):
    states = RelationState.TENTATIVE, RelationState.CONFIRMED, RelationState.FADING
    several = [(0, ON, 1, states[0]), (1, BESIDE, 2, states[1]), (2, BESIDE, 1, states[2])]
    viewer.see(graph(*AT_HOME, relations=several))
    assert len([ns for ns, _ in viewer.keys if ns == "relations"]) == 2
    viewer.see(graph(*AT_HOME, relations=several), annotated_relations=1)
    assert len([ns for ns, _ in viewer.keys if ns == "relations"]) == 1
    viewer.see(graph(*AT_HOME, relations=several), annotated_relations=0)
    assert not [ns for ns, _ in viewer.keys if ns in ("relations", "predicates")]


def test_ids_of_all_32_bits_fit(viewer):
    number = 2**32 - 1
    viewer.see(graph((CUP, number, (1.0, 0.0, 0.0))))
    assert viewer.keys == {("things", -1), ("names", -1)}
    viewer.see(graph((CUP, number, None), frame=""))
    assert viewer.keys == {("things", -1), ("names", -1)}


def test_any_history_leaves_what_the_last_graph_shows():
    random = np.random.default_rng(0)
    viewer = Viewer()
    for _ in range(300):
        numbers = random.permutation(12)[: random.integers(0, 8)]
        entries = [(int(n) % 3, int(n) + 1, (float(n), 0.0, 0.0)) for n in numbers]
        count = len(entries)
        pairs = [(int(s), int(o)) for s, o in random.integers(0, max(count, 1), (6, 2)) if s != o]
        related = [(s, int(random.integers(2)), o) for s, o in dict.fromkeys(pairs) if count]
        viewer.see(graph(*entries, relations=related), activated=int(random.random() < 0.02))
        bodies = {number for ns, number in viewer.keys if ns in ("things", "stuff")}
        assert bodies == {number for _, number, _ in entries}
        assert len([ns for ns, _ in viewer.keys if ns == "relations"]) == len(set(related))
    assert len(viewer.made._arrow_ids) <= 6


def test_names_are_above_in_every_frame():
    np.testing.assert_array_equal(upward_in("map", "eye_optical_frame"), (0, 0, 1))
    np.testing.assert_array_equal(upward_in("eye", "eye"), (0, -1, 0))
    np.testing.assert_array_equal(upward_in("left_optical_frame", "eye"), (0, -1, 0))
