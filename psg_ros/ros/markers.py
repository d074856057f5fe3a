# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Markers: the graph in space for RViz and its like, as visualization_msgs/MarkerArray.

A thing is a box, stuff a small ball in its middle (a box around a wall would hide the room), both
with their names; a relation is an arrow with its word. Markers stay as they are until they change
or are deleted: none has a lifetime, so nothing blinks, however slow the model is. A graph without
positions has no markers. When the node is deactivated, all go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from psg_ros.node_config import NodeConfig
from psg_ros.ros.conversions import time_to_ns
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.start import MARKERS_TOPIC
from psg_ros.scene_graph import Position, RelationState, SceneGraph, SceneNode, SceneRelation

try:
    from geometry_msgs.msg import Point, Vector3
    from std_msgs.msg import ColorRGBA
    from visualization_msgs.msg import Marker, MarkerArray
except ImportError:  # then nobody asks for it, see `topics.OPTIONAL`
    Marker = MarkerArray = None

KEPT_S = 1.0
"""How long what is still in the graph keeps its marker where depth fails it."""

BALL_M, TEXT_M, WORD_M, SHAFT_M = 0.06, 0.08, 0.06, 0.012
THINNEST_M = 0.01
BOX_ALPHA = 0.45
WHITE = (255, 255, 255)

Key = tuple[str, int]
"""Namespace and id of a marker."""


class Markers:
    """Remembers what viewers show, to delete what is no more. One per camera."""

    TOPIC: ClassVar[str] = MARKERS_TOPIC

    def __init__(self) -> None:
        self._activated: Any = None
        self._shown: dict[Key, int] = {}
        self._arrow_ids: dict[tuple[int, int, int], int] = {}

    def is_offered(self, config: NodeConfig) -> bool:
        return True

    def message(self, finished: FinishedFrame) -> Any:
        array, graph, stamp_ns = MarkerArray(), finished.graph, time_to_ns(finished.header.stamp)
        if finished.message.activated != self._activated:
            # Ids begin again, and whatever a viewer still shows is of the time before.
            self._activated = finished.message.activated
            self._shown, self._arrow_ids = {}, {}
            array.markers.append(Marker(action=Marker.DELETEALL))
        markers = list(self._markers(finished))
        current = {(marker.ns, marker.id): stamp_ns for marker in markers}
        gone = self._gone(finished, current, stamp_ns)
        for marker in markers:
            marker.header.stamp = finished.header.stamp
            marker.header.frame_id = graph.spatial_frame_id
            marker.pose.orientation.w = 1.0
        for namespace, number in gone:
            array.markers.append(Marker(ns=namespace, id=number, action=Marker.DELETE))
            del self._shown[namespace, number]
        array.markers += markers
        self._shown |= current
        # Of relations that are gone for good the ids may be given again.
        shown = {number for namespace, number in self._shown if namespace == "relations"}
        self._arrow_ids = {key: n for key, n in self._arrow_ids.items() if n in shown}
        return array if array.markers else None

    def farewell(self) -> Any:
        """Return what has viewers show nothing any more; None where they do not show anything."""
        if not self._shown:
            return None
        self._shown, self._arrow_ids = {}, {}
        return MarkerArray(markers=[Marker(action=Marker.DELETEALL)])

    def _gone(self, finished: FinishedFrame, current: dict[Key, int], stamp_ns: int) -> list[Key]:
        """Return what viewers show and should no more."""
        graph = finished.graph
        numbers = dict.fromkeys(("things", "stuff", "names"), set(map(_signed, graph.node_ids)))
        relations = listed(graph, finished.config.annotated_relations)
        arrows = {self._arrow_ids.get(_key(graph, relation), 0) for relation in relations}
        numbers |= dict.fromkeys(("relations", "predicates"), arrows)
        return [
            (namespace, number)
            for (namespace, number), seen_ns in self._shown.items()
            if (namespace, number) not in current
            and (number not in numbers[namespace] or not 0 <= stamp_ns - seen_ns <= KEPT_S * 1e9)
        ]

    def _markers(self, finished: FinishedFrame) -> Iterator[Any]:
        graph, vocabulary = finished.graph, finished.vocabulary
        up = upward_in(graph.spatial_frame_id, finished.header.frame_id)
        for node in graph.nodes:
            if node.position is not None:
                yield from _node_markers(node, node.position, vocabulary.labels[node.label], up)
        for relation in listed(graph, finished.config.annotated_relations):
            yield from self._relation_markers(graph, relation)

    def _relation_markers(self, graph: SceneGraph, relation: SceneRelation) -> Iterator[Any]:
        subject, target = graph.nodes[relation.subject], graph.nodes[relation.object]
        if subject.position is None or target.position is None:
            return
        key = _key(graph, relation)
        number = self._arrow_ids.get(key)
        if number is None:
            taken = set(self._arrow_ids.values())
            number = next(n for n in range(1, len(taken) + 2) if n not in taken)
            self._arrow_ids[key] = number
        start, end = np.array(subject.position.xyz_m), np.array(target.position.xyz_m)
        arrow = _marker("relations", number, Marker.ARROW, WHITE, 0.9)
        arrow.points = [_point(start), _point(end)]
        arrow.scale = Vector3(x=SHAFT_M, y=3 * SHAFT_M, z=5 * SHAFT_M)
        yield arrow
        yield _text("predicates", number, relation.predicate_name, (start + end) / 2, WORD_M, WHITE)


def listed(graph: SceneGraph, limit: int) -> list[SceneRelation]:
    """Return the relations to show, best first; of tracked ones those that are established."""
    firm = (None, RelationState.CONFIRMED, RelationState.FADING)
    return [relation for relation in graph.relations if relation.state in firm][:limit]


def upward_in(frame_id: str, optical_frame_id: str) -> np.ndarray:
    """Return where labels go: along z (REP 103), but against y in the camera's own frame."""
    optical = frame_id == optical_frame_id or frame_id.endswith("optical_frame")
    return np.array([0.0, -1.0, 0.0]) if optical else np.array([0.0, 0.0, 1.0])


def _node_markers(node: SceneNode, position: Position, label: Any, up: np.ndarray) -> Iterator[Any]:
    size = np.maximum(position.size_m, THINNEST_M)
    middle = np.array(position.xyz_m)
    if node.is_thing:
        body = _marker("things", node.id, Marker.CUBE, label.color_rgb, BOX_ALPHA)
        body.scale = Vector3(**dict(zip("xyz", size.tolist(), strict=True)))
        above = middle + up * (size / 2 + TEXT_M)
    else:
        body = _marker("stuff", node.id, Marker.SPHERE, label.color_rgb, 1.0)
        body.scale = Vector3(x=BALL_M, y=BALL_M, z=BALL_M)
        above = middle + up * (BALL_M / 2 + TEXT_M)
    body.pose.position = _point(middle)
    yield body
    yield _text("names", node.id, f"{node.class_name} {node.id}", above, TEXT_M, label.color_rgb)


def _marker(namespace: str, number: int, kind: int, rgb: Any, alpha: float) -> Any:
    red, green, blue = (value / 255 for value in rgb)
    color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    return Marker(ns=namespace, id=_signed(number), type=kind, action=Marker.ADD, color=color)


def _text(ns: str, number: int, words: str, place: np.ndarray, height_m: float, rgb: Any) -> Any:
    marker = _marker(ns, number, Marker.TEXT_VIEW_FACING, rgb, 1.0)
    marker.text, marker.scale.z = words, height_m
    marker.pose.position = _point(place)
    return marker


def _key(graph: SceneGraph, relation: SceneRelation) -> tuple[int, int, int]:
    """Return what names a relation over time."""
    return graph.nodes[relation.subject].id, relation.predicate, graph.nodes[relation.object].id


def _signed(number: int) -> int:
    """Return an id of a node, 32 bits without a sign, as that of a marker, which has one."""
    return number - 2**32 if number >= 2**31 else number


def _point(xyz: Any) -> Any:
    x, y, z = map(float, xyz)
    return Point(x=x, y=y, z=z)
