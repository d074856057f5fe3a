# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting finds the probabilities that made the samples, and judges itself on unseen images."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_psg import write_tiny_psg

from psg_ros.calibration import Calibrator
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.examples import graph_of_truth
from psg_ros.evaluation.reliability import Reliability
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.scene_graph import RelationScores, SceneGraph
from psg_ros.training.calibration import (
    METHODS,
    MIN_POSITIVES,
    Samples,
    compare_on_halves,
    fit,
    held_out_probabilities,
    joined,
    samples_of,
)

VOCABULARY = Vocabulary(
    tuple(
        ObjectLabel(name, thing, (0, 0, 0))
        for name, thing in (("box", True), ("ball", True), ("ground", False))
    ),
    (Predicate("beside"), Predicate("on")),
)


def drawn(count: int, power: float, predicate: int = 1) -> Samples:
    """Relations whose true probability is score ** power."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 1, count)
    holds = rng.uniform(0, 1, count) < scores**power
    return Samples(np.arange(count) // 10, np.full(count, predicate), scores, holds)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_the_true_probability_is_found(method, power):
    calibration = fit(drawn(20_000, power), method, VOCABULARY, "", "")
    scores = np.linspace(0.1, 0.9, 9)
    found = Calibrator(calibration, VOCABULARY).probabilities(np.full(9, 1), scores)
    # Powers are no sigmoids of logits, so the two-number curve bends a little otherwise.
    np.testing.assert_allclose(found, scores**power, atol=0.05 if method == "isotonic" else 0.08)


@pytest.mark.parametrize("method", METHODS)
def test_held_out_probabilities_are_more_reliable_than_scores(method):
    found = compare_on_halves(drawn(6_000, 3.0), method, VOCABULARY)
    before, after = found["score"], found["probability"]
    assert before.judged.sum() == after.judged.sum() == 6_000
    assert before.calibration_error > 0.2
    assert after.calibration_error < 0.05
    assert after.brier < before.brier


def test_what_no_curve_could_be_fitted_for_is_judged_under_neither_name():
    common, rare = drawn(2_000, 1.0), drawn(MIN_POSITIVES, 1.0, predicate=0)
    samples = joined([common, rare])
    assert np.isnan(held_out_probabilities(samples, "isotonic", VOCABULARY)).sum() == MIN_POSITIVES
    found = compare_on_halves(samples, "isotonic", VOCABULARY)
    expected = Reliability.of_judged(common.scores, common.holds)
    np.testing.assert_array_equal(found["score"].judged, expected.judged)
    assert compare_on_halves(rare, "isotonic", VOCABULARY) == {}


def test_a_rare_predicate_gets_no_curve():
    samples = drawn(2 * MIN_POSITIVES - 2, 1.0)
    samples = Samples(samples.image, samples.predicates, samples.scores, np.arange(18) % 2 == 0)
    assert samples.holds.sum() == MIN_POSITIVES - 1
    assert fit(samples, "isotonic", VOCABULARY, "", "").curves == ()


def test_few_samples_never_say_never_or_always():
    always = drawn(MIN_POSITIVES, 1.0)
    always = Samples(always.image, always.predicates, always.scores, np.ones(MIN_POSITIVES, bool))
    (curve,) = fit(always, "isotonic", VOCABULARY, "", "").curves
    assert max(curve.probabilities) == pytest.approx((MIN_POSITIVES + 1) / (MIN_POSITIVES + 2))


def test_what_is_annotated_holds(tmp_path):
    truth = open_dataset(write_tiny_psg(tmp_path), VOCABULARY, "train")[0]
    logits = np.array([[-5, 3, 0], [-4, 0, 3], [-3, 3, 0]], np.float32)
    # Surest first: box beside ball, box on ground, and ball beside box, which is not annotated.
    pairs = np.array([[1, 2], [1, 0], [2, 1]], np.int32)
    graph = graph_of_truth(truth, VOCABULARY)
    graph = SceneGraph(graph.segmentation, graph.nodes, (), RelationScores(pairs, logits))
    samples = samples_of(7, truth, graph)
    assert samples.image.tolist() == [7, 7, 7]
    assert samples.predicates.tolist() == [0, 1, 0]
    assert samples.holds.tolist() == [True, True, False]
