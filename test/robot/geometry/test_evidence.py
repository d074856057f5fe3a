# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A relation stage and geometry as two accounts of the same pairs."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.geometry.evidence import Evidence, gather_evidence
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.scene_graph import RelationScores, RelationSource

ON, STANDING, BESIDE = range(3)
NOTHING = RelationScores(np.zeros((0, 2), np.int32), np.zeros((0, 4), np.float32))


def learned(*rows: tuple[int, int, int, float]) -> RelationScores:
    """Scores of pairs whose one relation has the given joint probability."""
    logits = np.full((len(rows), 4), -20.0, np.float32)
    for row, (_, _, predicate, score) in enumerate(rows):
        logits[row, 0] = -np.log(score / (1 - score))
        logits[row, 1 + predicate] = 20.0
    return RelationScores(np.array([row[:2] for row in rows], np.int32), logits)


def clarity(*rows: tuple[int, int, int, float], count: int = 3) -> np.ndarray:
    values = np.zeros((count, count, 3))
    for subject, target, predicate, value in rows:
        values[subject, target, predicate] = value
    return values


def test_geometry_alone_lists_what_it_shows_by_its_clarity() -> None:
    evidence = gather_evidence(NOTHING, clarity((0, 1, ON, 0.9), (2, 1, BESIDE, 0.7)), (), 0.5, 0.1)
    found = rank_relations(evidence.scores(), threshold=0.1)
    assert [t[:3] for t in found] == [(0, 1, ON), (2, 1, BESIDE)]
    assert [t.score for t in found] == pytest.approx([0.9, 0.7], abs=1e-6)
    assert evidence.sources(found, 0.1) == (RelationSource.GEOMETRY, RelationSource.GEOMETRY)


def test_what_is_not_clear_enough_is_not_said() -> None:
    evidence = gather_evidence(NOTHING, clarity((0, 1, ON, 0.4)), (), 0.5, 0.1)
    assert rank_relations(evidence.scores(), threshold=0.0) == []


def test_without_geometry_scores_are_those_of_the_relation_stage() -> None:
    given = learned((0, 1, ON, 0.6), (1, 2, BESIDE, 0.3))
    evidence = gather_evidence(given, clarity(), (), 0.5, 0.1)
    found = rank_relations(evidence.scores(), threshold=0.1)
    assert [t[:3] for t in found] == [(0, 1, ON), (1, 2, BESIDE)]
    assert [t.score for t in found] == pytest.approx([0.6, 0.3], abs=1e-5)
    assert set(evidence.sources(found, 0.1)) == {RelationSource.MODEL}


def test_two_accounts_of_one_relation_support_each_other() -> None:
    evidence = gather_evidence(learned((0, 1, ON, 0.6)), clarity((0, 1, ON, 0.8)), (), 0.5, 0.1)
    (found,) = rank_relations(evidence.scores(), threshold=0.1)
    assert found.score == pytest.approx(1 - 0.4 * 0.2, abs=1e-5)
    assert evidence.sources([found], 0.1) == (RelationSource.FUSED,)


def test_kindred_words_agree_and_the_relation_stage_chooses_the_word() -> None:
    accounts = (learned((0, 1, STANDING, 0.6)), clarity((0, 1, ON, 0.8)))
    evidence = gather_evidence(*accounts, (ON, STANDING), 0.5, 0.1)
    (found,) = rank_relations(evidence.scores(), threshold=0.1)
    assert (found.predicate, evidence.sources([found], 0.1)) == (STANDING, (RelationSource.FUSED,))
    evidence = gather_evidence(*accounts, (), 0.5, 0.1)
    assert rank_relations(evidence.scores(), threshold=0.1)[0].predicate == ON


def test_a_word_that_the_relation_stage_would_not_list_is_not_chosen() -> None:
    accounts = (learned((0, 1, STANDING, 0.05)), clarity((0, 1, ON, 0.8)))
    evidence = gather_evidence(*accounts, (ON, STANDING), 0.5, 0.1)
    (found,) = rank_relations(evidence.scores(), threshold=0.1)
    assert (found.predicate, evidence.sources([found], 0.1)) == (ON, (RelationSource.GEOMETRY,))


def test_of_different_relations_the_likelier_is_listed_with_its_source() -> None:
    evidence = gather_evidence(learned((0, 1, BESIDE, 0.4)), clarity((0, 1, ON, 0.8)), (), 0.5, 0.1)
    (found,) = rank_relations(evidence.scores(), threshold=0.1)
    assert (found.predicate, evidence.sources([found], 0.1)) == (ON, (RelationSource.GEOMETRY,))


def test_no_segments_have_no_scores() -> None:
    scores = Evidence(np.zeros((0, 0, 3)), np.zeros((0, 0, 3))).scores()
    assert scores.pairs.shape == (0, 2) and scores.logits.shape == (0, 4)
