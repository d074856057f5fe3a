# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Opinion: what a slow stage said of an older image, and how much of it still holds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from psg_ros.labels import Predicate, Vocabulary
from psg_ros.robot.slow_stage.process import Answer
from psg_ros.scene_graph import RelationSource, SceneGraph, SceneNode, SceneRelation

NANOSECONDS = 1_000_000_000
MOVED_SHARE = 0.5
"""An opinion ends once its two nodes have moved against each other by this share of their mean
diagonal (our choice)."""


class Place(NamedTuple):
    """Where a node was."""

    centroid_xy: tuple[float, float]
    diagonal: float


class Claim(NamedTuple):
    """One relation between tracks, by their ids."""

    subject: int
    object: int
    predicate: str
    score: float


@dataclass(frozen=True)
class Opinion:
    """Relations that the stage saw in one image.

    Attributes:
        stamp_ns: of that image.
        claims: at most one for each directed pair, the best first.
        places: of their nodes, by id, in that image.
    """

    stamp_ns: int
    claims: tuple[Claim, ...]
    places: dict[int, Place]

    def added(
        self, graph: SceneGraph, vocabulary: Vocabulary, stamp_ns: int, lasts_s: float, limit: int
    ) -> SceneGraph:
        """Return a later graph with those relations that still hold.

        Their scores sink to 0 over `lasts_s`. What the graph says itself stays as it is.

        Args:
            vocabulary: of the result; see `extended`.
            limit: relations of the result at most.
        """
        age = (stamp_ns - self.stamp_ns) / NANOSECONDS / lasts_s
        if not 0 <= age < 1:
            return graph
        index = {node.id: place for place, node in enumerate(graph.nodes)}
        own = {(r.subject, r.object, r.predicate) for r in graph.relations}
        number = {name: place for place, name in enumerate(vocabulary.predicate_names)}
        new = []
        for claim in self.claims:
            ends = index.get(claim.subject), index.get(claim.object)
            predicate = number.get(claim.predicate)
            if ends[0] is None or ends[1] is None or predicate is None:
                continue
            if (*ends, predicate) in own or self._moved(claim, graph.nodes[ends[0]],
                                                        graph.nodes[ends[1]]):  # fmt: skip
                continue
            score = claim.score * (1 - age)
            source = RelationSource.OPEN_VOCABULARY
            new.append(
                SceneRelation(ends[0], ends[1], predicate, claim.predicate, score, source=source)
            )
        if not new:
            return graph
        joined = sorted((*graph.relations, *new), key=lambda relation: -relation.confidence)
        return dataclasses.replace(graph, relations=tuple(joined[:limit]))

    def _moved(self, claim: Claim, subject: SceneNode, end: SceneNode) -> bool:
        was = self.places[claim.subject], self.places[claim.object]
        offsets = (
            (now - then) - (other_now - other_then)
            for now, then, other_now, other_then in zip(
                subject.centroid_xy,
                was[0].centroid_xy,
                end.centroid_xy,
                was[1].centroid_xy,
                strict=True,
            )
        )
        return math.hypot(*offsets) > MOVED_SHARE * (was[0].diagonal + was[1].diagonal) / 2


def make_opinion(
    answer: Answer, graph: SceneGraph, predicates: tuple[str, ...], stamp_ns: int, threshold: float
) -> Opinion:
    """Return what the stage says of the tracks of a graph; nodes without one are left out.

    Args:
        graph: of the image that the stage was asked about.
        predicates: columns of the answer's scores.
        threshold: lower scores are left out.
    """
    nodes = {node.segment: node for node in graph.nodes if node.track is not None}
    claims = []
    for (subject, end), scores in zip(answer.pairs.tolist(), answer.scores, strict=True):
        best = int(scores.argmax()) if len(scores) else -1
        known = subject in nodes and end in nodes
        if known and best >= 0 and scores[best] >= threshold:
            ids = nodes[subject].id, nodes[end].id
            claims.append(Claim(*ids, predicates[best], float(scores[best])))
    claims.sort(key=lambda claim: -claim.score)
    return Opinion(stamp_ns, tuple(claims), {n.id: _place(n) for n in nodes.values()})


def extended(vocabulary: Vocabulary, predicates: Iterable[str]) -> Vocabulary:
    """Return the vocabulary with more predicates behind its own; those that it has stay."""
    new = [name for name in predicates if name not in vocabulary.predicate_names]
    if not new:
        return vocabulary
    return Vocabulary(vocabulary.labels, (*vocabulary.predicates, *map(Predicate, new)))


def _place(node: SceneNode) -> Place:
    left, top, right, bottom = node.bbox_xyxy
    return Place(node.centroid_xy, math.hypot(right - left, bottom - top))
