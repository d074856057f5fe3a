# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ranking of relations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from psg_ros.robot.ops.triplets import pair_logits, rank_relations, score_pairs, sigmoid
from psg_ros.scene_graph import RelationScores


def scores(pairs, logits):
    return RelationScores(np.array(pairs, np.int32), np.array(logits, np.float32))


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_the_score_is_both_probabilities_multiplied():
    found = rank_relations(scores([[0, 1], [1, 0]], [[-2, 1, 3], [1, 4, 0]]))
    assert [triplet[:3] for triplet in found] == [(0, 1, 1), (1, 0, 0)]
    assert found[0].score == pytest.approx((1 - probability(-2)) * probability(3), abs=1e-12)
    assert found[1].score == pytest.approx((1 - probability(1)) * probability(4), abs=1e-12)


def test_pairs_equal_in_everything_come_by_subject_then_object():
    pairs = [[2, 1], [0, 2], [2, 0], [0, 1]]
    found = rank_relations(scores(pairs, [[0.0, 1.0]] * 4))
    assert [triplet[:2] for triplet in found] == [(0, 1), (0, 2), (2, 0), (2, 1)]


def test_pairs_whose_probabilities_saturate_keep_their_order():
    logits = [[-100, 90], [-300, 90], [-200, 90]]
    found = rank_relations(scores([[0, 1], [1, 0], [0, 2]], logits))
    assert [t.score for t in found] == [1, 1, 1]
    assert [t[:2] for t in found] == [(1, 0), (0, 2), (0, 1)]
    assert score_pairs(np.float32(logits))[0].tolist() == [100, 300, 200]


def test_threshold_and_limit_cut_the_end_of_the_list():
    pairs = [[0, 1], [1, 0], [0, 2], [2, 0]]
    given = scores(pairs, [[-9, 2], [-9, 1], [-9, 0], [-9, -1]])
    everything = rank_relations(given)
    assert len(everything) == 4
    assert rank_relations(given, limit=2) == everything[:2]
    assert rank_relations(given, limit=0) == []
    assert rank_relations(given, threshold=everything[2].score) == everything[:3]


def test_no_pairs_give_no_triplets():
    assert rank_relations(scores(np.zeros((0, 2)), np.zeros((0, 5)))) == []


@pytest.mark.filterwarnings("error")
def test_sigmoid_is_exact_and_never_overflows():
    values = np.float32([-1000, -20, -1, 0, 1, 20, 1000])
    expected = [0, *(probability(v) for v in (-20, -1, 0, 1, 20)), 1]
    np.testing.assert_allclose(sigmoid(values), expected, rtol=1e-6, atol=1e-16)


def test_logits_for_given_scores_give_them_back():
    scores = np.array([[0.2, 0.8, 0.0], [1e-4, 0.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.0, 0.0]])
    _, predicates, values = score_pairs(pair_logits(scores))
    assert predicates[:3].tolist() == [1, 0, 2]
    np.testing.assert_allclose(values, [0.8, 1e-4, 1.0, 0.0], atol=1e-7)
    assert pair_logits(np.zeros((0, 3))).shape == (0, 4)
