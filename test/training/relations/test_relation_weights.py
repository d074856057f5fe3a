# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of positives and the learning rate of stage 2."""

import math
from dataclasses import replace

import numpy as np
import pytest

from psg_ros.training.config import RelationTraining
from psg_ros.training.relations.relation_pairs import draw_batch
from psg_ros.training.relations.relation_samples import RelationTruth
from psg_ros.training.relations.relation_weights import learning_rate, positive_weights

TRUTHS = [
    RelationTruth("a", np.zeros(3, np.int64), np.arange(3), np.array(triplets))
    for triplets in (
        [[0, 1, 0], [1, 2, 0]],
        [[0, 1, 0], [0, 1, 2]],
        [[0, 2, 0]],
        [[1, 0, 2]],
    )
]
"""0 is in three images of four, 1 in none, 2 in two."""


def test_rare_predicates_weigh_more_up_to_the_limit():
    settings = RelationTraining(negatives_per_positive=0.2, positive_weight_limit=3.5)
    weights = positive_weights(TRUTHS, 3, settings)
    assert weights.tolist() == pytest.approx([5, 1 / 3, 3.5, 1])
    everywhere = positive_weights(TRUTHS[:3], 3, settings)
    assert everywhere[1] == pytest.approx(1 / 3.5), "present everywhere: 0, clamped"


def test_a_limit_of_one_leaves_the_weight_of_no_relation():
    settings = RelationTraining(negatives_per_positive=0.5, positive_weight_limit=1.0)
    assert positive_weights(TRUTHS, 3, settings).tolist() == [2, 1, 1, 1]


def test_no_relation_may_weigh_as_much_as_all_relations_together():
    """Five annotated pairs, each in one direction."""
    settings = RelationTraining(negatives_per_positive=0.2, no_relation_weight="balanced")
    directions, pairs = 5, 5
    unrelated = 2 * 0.2 * pairs + (2 * pairs - directions)
    assert positive_weights(TRUTHS, 3, settings)[0] == pytest.approx(directions / unrelated)
    ignoring = replace(settings, reverse_unlabelled="ignore")
    assert positive_weights(TRUTHS, 3, ignoring)[0] == pytest.approx(directions / (2 * 0.2 * pairs))


def test_what_is_balanced_is_what_is_drawn():
    """On a batch as it is drawn, weighed directions without and with a relation are as many."""
    truths = [replace(truth, labels=np.zeros(9, np.int64)) for truth in TRUTHS] * 25
    settings = RelationTraining(negatives_per_positive=0.2, no_relation_weight="balanced")
    for directed in (False, True):
        weight = positive_weights(truths, 3, settings, directed=directed)[0]
        drawn = draw_batch(truths, 3, settings, np.random.default_rng(0), directed=directed)
        unrelated = drawn.targets[:, :, 0][drawn.learned]
        assert weight * unrelated.sum() == pytest.approx((unrelated == 0).sum().item())


def test_for_directed_pairs_both_weights_of_no_relation_are_the_same():
    for choice in ("ratio", "balanced"):
        settings = RelationTraining(negatives_per_positive=0.2, no_relation_weight=choice)
        assert positive_weights(TRUTHS, 3, settings, directed=True)[0] == pytest.approx(5)


def test_weights_can_be_switched_off():
    settings = RelationTraining(positive_weights=False)
    assert positive_weights(TRUTHS, 3, settings).tolist() == [1, 1, 1, 1]


SETTINGS = RelationTraining(epochs=10, learning_rate=1e-2, warmup_epochs=2.0)


def test_learning_rate_warms_up_then_falls_to_zero():
    peak = SETTINGS.learning_rate
    assert 0 < learning_rate(SETTINGS, 0.0) < 0.01 * peak
    expected = 0.5 * 0.5 * (1 + math.cos(0.1 * math.pi))
    assert learning_rate(SETTINGS, 1.0) == pytest.approx(peak * expected, rel=1e-2)
    assert learning_rate(SETTINGS, 5.0) == pytest.approx(peak / 2)
    assert learning_rate(SETTINGS, 10.0) == pytest.approx(0, abs=1e-12)
    rates = [learning_rate(SETTINGS, epoch / 4) for epoch in range(41)]
    assert rates.index(max(rates)) == 8
    assert rates[8:] == sorted(rates[8:], reverse=True)
    without = replace(SETTINGS, warmup_epochs=0.0)
    assert learning_rate(without, 0.0) == peak
