# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scene graphs as changes: what a publisher of deltas sends, and how a consumer keeps up.

Works on messages or on anything else with the fields of SceneGraph.msg and GraphDelta.msg, so a
node, a bag and a test share it. Imports no ROS. The rules are written in msg/GraphDelta.msg.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psg_ros.config import DeltaConfig

NANOSECONDS = 1_000_000_000


class RelationKey(NamedTuple):
    """What a relation is known by; the fields of RelationKey.msg."""

    subject_id: int
    predicate_id: int
    object_id: int


@dataclass(frozen=True)
class Context:
    """What both messages say of a graph as a whole, by the names of their fields."""

    schema_version: int
    activated: Any
    camera: str
    vocabulary_version: int
    image_width: int
    image_height: int
    spatial_frame_id: str

    @classmethod
    def of(cls, message: Any) -> Context:
        """Return that of a SceneGraph or a GraphDelta."""
        return cls(*(getattr(message, name) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Delta:
    """The content of one GraphDelta.msg; nodes and relations are those of the graph, not copies.

    `context` is spread over the fields of the message.
    """

    header: Any
    context: Context
    base_sequence: int
    sequence: int
    keyframe: bool
    quality: int
    segments: list[int]
    nodes: list[Any]
    removed_nodes: list[int]
    relations: list[Any]
    removed_relations: list[RelationKey]

    def fields(self) -> dict[str, Any]:
        """Return the fields of the message by name."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return vars(own.pop("context")) | own


@dataclass(frozen=True)
class RebuiltGraph:
    """A graph put together from deltas: the fields of SceneGraph.msg without `timing`.

    Nodes with pixels come first, in the order of their segments; relations most probable first.
    """

    header: Any
    schema_version: int
    activated: Any
    sequence: int
    camera: str
    vocabulary_version: int
    image_width: int
    image_height: int
    spatial_frame_id: str
    quality: int
    nodes: list[Any]
    relations: list[Any]


class DeltaEncoder:
    """Turns one publisher's graphs, in their order, into deltas.

    Attributes:
        settings: when keyframes are due and how far values move before they are sent again; may be
            replaced between two graphs.
    """

    def __init__(self, settings: DeltaConfig) -> None:
        self.settings = settings
        self._context: Context | None = None  # None: the next delta is a keyframe
        self._sequence = self._keyframe_ns = 0
        # As the consumers have them: what was not sent is not in here.
        self._nodes: dict[int, Any] = {}
        self._relations: dict[RelationKey, Any] = {}

    def demand_keyframe(self) -> None:
        """Make the next delta a keyframe: somebody has just begun to listen, or asked for it."""
        self._context = None

    def encode(self, graph: Any, now_ns: int) -> Delta:
        """Return what changed since the last graph.

        Args:
            graph: a SceneGraph message or its like; is kept and must not change afterwards. One
                that does not follow on the last one becomes a keyframe: there was nobody to listen.
            now_ns: time by which keyframes are due; any clock. One that goes back makes one due.
        """
        context, limits = Context.of(graph), self.settings
        keyframe = (
            context != self._context
            or graph.sequence != self._sequence + 1
            or not 0 <= now_ns - self._keyframe_ns < limits.delta_keyframe_s * NANOSECONDS
        )
        if keyframe:
            self._context, self._keyframe_ns = context, now_ns
            self._nodes, self._relations = {}, {}
        base, self._sequence = (0 if keyframe else self._sequence), graph.sequence
        nodes = {node.id: node for node in graph.nodes}
        relations = {relation_key(relation): relation for relation in graph.relations}
        return Delta(
            header=graph.header,
            context=context,
            base_sequence=base,
            sequence=graph.sequence,
            keyframe=keyframe,
            quality=graph.quality,
            segments=_segments(graph.nodes),
            nodes=_upsert(self._nodes, nodes, lambda old, new: _node_moved(old, new, limits)),
            removed_nodes=_remove(self._nodes, nodes),
            relations=_upsert(
                self._relations, relations, lambda old, new: _relation_moved(old, new, limits)
            ),
            removed_relations=_remove(self._relations, relations),
        )


@dataclass
class DeltaFollower:
    """Rebuilds one publisher's graph from its deltas.

    While `graph` is None a delta was missed, or none has come: wait for the next keyframe, or call
    GetSceneGraph and `start_from` its answer, which is `graph` until the next delta.
    """

    graph: Any = None
    _nodes: dict[int, Any] = field(default_factory=dict)
    _relations: dict[RelationKey, Any] = field(default_factory=dict)

    def apply(self, delta: Any) -> bool:
        """Take over one GraphDelta message and return whether `graph` is up to date with it.

        A delta that is older than `graph` changes nothing and is up to date.
        """
        if delta.keyframe:
            self._nodes, self._relations = {}, {}
        elif self.graph is None or Context.of(self.graph) != Context.of(delta):
            return self._lose_step()
        elif delta.sequence <= self.graph.sequence:
            return True
        elif delta.base_sequence != self.graph.sequence:
            return self._lose_step()
        for node in delta.removed_nodes:
            self._nodes.pop(int(node), None)
        for key in delta.removed_relations:
            self._relations.pop(relation_key(key), None)
        self._nodes.update((node.id, node) for node in delta.nodes)
        self._relations.update((relation_key(entry), entry) for entry in delta.relations)
        segments = [int(node) for node in delta.segments]
        if not self._is_whole(segments):  # the publisher is at fault; wait for its next keyframe
            return self._lose_step()
        self._number_segments(segments)
        self._rebuild(delta)
        return True

    def start_from(self, graph: Any) -> None:
        """Go on from a whole graph, a SceneGraph message.

        Until the next keyframe, values that are not sent again may be off by twice the tolerance:
        deltas tell what moved since they were last sent, which may have been before this graph.
        """
        self._nodes = {node.id: node for node in graph.nodes}
        self._relations = {relation_key(relation): relation for relation in graph.relations}
        self.graph = graph

    def _lose_step(self) -> bool:
        self.graph = None
        return False

    def _is_whole(self, segments: Sequence[int]) -> bool:
        """Whether all that is named is there."""
        ends = {end for key in self._relations for end in (key.subject_id, key.object_id)}
        return self._nodes.keys() >= {*filter(None, segments), *ends}

    def _number_segments(self, segments: Sequence[int]) -> None:
        """Give every node its segment in the new image, and put those with pixels first."""
        numbers = {node: number for number, node in enumerate(segments, 1) if node}
        order = [*numbers, *(node for node in self._nodes if node not in numbers)]
        self._nodes = {i: _numbered(self._nodes[i], numbers.get(i, 0)) for i in order}

    def _rebuild(self, delta: Any) -> None:
        self.graph = RebuiltGraph(
            header=delta.header,
            sequence=delta.sequence,
            quality=delta.quality,
            nodes=list(self._nodes.values()),
            relations=sorted(self._relations.values(), key=lambda relation: -confidence(relation)),
            **vars(Context.of(delta)),
        )


def relation_key(relation: Any) -> RelationKey:
    """Return what a relation, or a RelationKey message, is known by."""
    return RelationKey(relation.subject_id, relation.predicate_id, relation.object_id)


def confidence(relation: Any) -> float:
    """Return what relations are sorted by: the probability, the score where that is NaN."""
    return relation.score if math.isnan(relation.probability) else relation.probability


def _segments(nodes: Sequence[Any]) -> list[int]:
    """Return the id of each segment's node, by segment id from 1; 0 for a segment without one."""
    places = {node.segment_id: node.id for node in nodes if node.segment_id}
    return [places.get(segment, 0) for segment in range(1, max(places, default=0) + 1)]


def _numbered(node: Any, segment_id: int) -> Any:
    """Return the node with that segment: a copy, since graphs that were given out stay."""
    if node.segment_id != segment_id:
        node = copy.copy(node)
        node.segment_id = segment_id
    return node


def _upsert(sent: dict, wanted: dict, moved: Any) -> list[Any]:
    """Bring `sent` up to what is wanted and return what had to be sent for it."""
    changed = {k: new for k, new in wanted.items() if k not in sent or moved(sent[k], new)}
    sent.update(changed)
    return list(changed.values())


def _remove(sent: dict, wanted: dict) -> list[Any]:
    gone = [key for key in sent if key not in wanted]
    for key in gone:
        del sent[key]
    return gone


def _node_moved(old: Any, new: Any, limits: DeltaConfig) -> bool:
    return (
        _node_facts(old) != _node_facts(new)
        or _differ(old.score, new.score, limits.delta_score)
        or _any_differ(_pixels(old), _pixels(new), limits.delta_pixels)
        or new.has_position
        and (
            _any_differ(_metres(old), _metres(new), limits.delta_metres)
            or _any_differ(old.position_covariance, new.position_covariance, limits.delta_metres**2)
        )
    )


def _node_facts(node: Any) -> tuple[Any, ...]:
    """Return what is sent whenever it changes. Segments are not: each delta lists all of them."""
    label = (node.class_id, node.class_name, node.is_thing)
    return (*label, node.track_state, node.first_seen, node.truncated, node.has_position)


def _pixels(node: Any) -> tuple[float, ...]:
    box = node.bbox
    left, top = box.x_offset, box.y_offset
    edges = (left, top, left + box.width, top + box.height)
    return (*edges, node.centroid_x, node.centroid_y, math.sqrt(node.area_px))


def _metres(node: Any) -> tuple[float, ...]:
    return tuple(getattr(part, axis) for part in (node.position, node.size) for axis in "xyz")


def _relation_moved(old: Any, new: Any, limits: DeltaConfig) -> bool:
    return (
        _relation_facts(old) != _relation_facts(new)
        or _differ(old.score, new.score, limits.delta_score)
        or _differ(old.probability, new.probability, limits.delta_score)
    )


def _relation_facts(relation: Any) -> tuple[Any, ...]:
    return relation.predicate_name, relation.state, relation.source, relation.since


def _any_differ(old: Sequence[float], new: Sequence[float], limit: float) -> bool:
    return any(_differ(a, b, limit) for a, b in zip(old, new, strict=True))


def _differ(old: float, new: float, limit: float) -> bool:
    """Whether a value moved by more than the limit; NaN, "not available", equals itself alone."""
    if math.isnan(old) or math.isnan(new):
        return math.isnan(old) != math.isnan(new)
    return abs(new - old) > limit
