# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a slow stage said of an older image, in later graphs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.slow_stage.opinion import extended, make_opinion
from psg_ros.robot.slow_stage.process import Answer
from psg_ros.scene_graph import (
    RelationSource,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Segmentation,
    Track,
    TrackState,
)

SECOND = 1_000_000_000
WORDS = ("on", "wearing")
KNOWN = Vocabulary((ObjectLabel("cup", True, (0, 0, 0)),), (Predicate("on"), Predicate("near")))
BOTH = extended(KNOWN, WORDS)


def graph(ids: tuple[int, ...], *relations: SceneRelation, left: float = 0.0) -> SceneGraph:
    """Nodes of 30 x 40 px side by side, 100 px apart; the first one moved to the right."""
    nodes = []
    for segment, track in enumerate(ids):
        x = 100 * segment + (left if segment == 0 else 0)
        nodes.append(
            SceneNode(
                segment, 0, "cup", True, 0.9, (int(x), 0, int(x) + 30, 40), (x + 15, 20), 1200,
                False, Track(track, TrackState.CONFIRMED, 0),
            )
        )  # fmt: skip
    label_map = np.arange(len(ids), dtype=np.int32)[None]
    segmentation = Segmentation(
        label_map, np.zeros(len(ids), np.int64), np.ones(len(ids), np.float32)
    )
    return SceneGraph(segmentation, tuple(nodes), relations)


ANSWER = Answer(np.array([[0, 1], [1, 0], [0, 2]]), np.array([[0.2, 0.6], [0.5, 0.1], [0.05, 0]]))
OPINION = make_opinion(ANSWER, graph((7, 8, 9)), WORDS, 5 * SECOND, threshold=0.1)


def later(scene: SceneGraph, seconds: float = 5.0, limit: int = 100) -> SceneGraph:
    return OPINION.added(scene, BOTH, int(seconds * SECOND), 10.0, limit)


def said(scene: SceneGraph) -> list[tuple[int, int, str, float]]:
    ids = scene.node_ids
    return [
        (ids[r.subject], ids[r.object], r.predicate_name, round(r.score, 3))
        for r in scene.relations
    ]


def test_new_predicates_stand_behind_those_of_the_model() -> None:
    assert BOTH.predicate_names == ("on", "near", "wearing")
    assert extended(KNOWN, ("near",)) is KNOWN


def test_claims_are_added_by_track_wherever_the_segment_is_now() -> None:
    found = later(graph((9, 8, 7), left=-1000.0))
    moved_end = [row for row in said(found) if 9 in row]
    assert moved_end == []  # its score is below the threshold
    assert said(later(graph((7, 8)))) == [(7, 8, "wearing", 0.6), (8, 7, "on", 0.5)]
    (wearing, on) = later(graph((7, 8))).relations
    assert wearing.predicate == 2 and on.predicate == 0
    assert wearing.source == on.source == RelationSource.OPEN_VOCABULARY
    assert math.isnan(wearing.probability) and wearing.state is None


def test_scores_sink_until_the_claim_is_forgotten() -> None:
    scene = graph((7, 8))
    assert said(later(scene, 10.0))[0] == (7, 8, "wearing", 0.3)
    assert later(scene, 15.0) is scene
    assert later(scene, 4.0) is scene  # the clock went back


def test_nodes_that_moved_against_each_other_are_not_related_any_more() -> None:
    # Their diagonals are 50 px.
    assert len(later(graph((7, 8), left=20.0)).relations) == 2
    assert len(later(graph((7, 8), left=30.0)).relations) == 0


def test_tracks_that_are_gone_take_their_claims_along() -> None:
    assert later(graph((7, 11))).relations == ()


def test_what_the_graph_says_itself_stays_as_it_is() -> None:
    own = SceneRelation(1, 0, 0, "on", 0.7, 0.8)
    found = later(graph((7, 8), own))
    assert found.relations == (own, found.relations[1])
    assert said(found)[1] == (7, 8, "wearing", 0.6)
    assert later(graph((7, 8), own), limit=1).relations == (own,)


def test_nodes_without_a_track_have_no_part() -> None:
    scene = graph((7, 8, 9))
    nodes = (dataclasses.replace(scene.nodes[0], track=None), *scene.nodes[1:])
    opinion = make_opinion(ANSWER, dataclasses.replace(scene, nodes=nodes), WORDS, 0, 0.0)
    assert opinion.claims == ()  # node 0 is an end of every pair


@pytest.mark.parametrize("columns", [0, 2])
def test_no_pairs_or_no_words_are_no_claims(columns: int) -> None:
    pairs = np.zeros((0 if columns else 1, 2), np.int64)
    answer = Answer(pairs, np.zeros((len(pairs), columns)))
    assert make_opinion(answer, graph((7, 8)), WORDS[:columns], 0, 0.0).claims == ()
