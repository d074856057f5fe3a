# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting finds the probabilities that made the samples, and judges itself on unseen images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.special import expit
from tiny_psg import write_tiny_psg

from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.metrics.reliability import Reliability
from psg_ros.evaluation.report.examples import graph_of_truth
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.calibration import Calibrator
from psg_ros.scene_graph import RelationScores, SceneGraph
from psg_ros.training.relations.calibration import (
    METHODS,
    MIN_POSITIVES,
    Samples,
    compare_on_halves,
    fit,
    fit_isotonic,
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
    # Powers are not sigmoids of logits, so the two-number curve bends a little otherwise.
    np.testing.assert_allclose(found, scores**power, atol=0.05 if method == "isotonic" else 0.08)


def rare(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of a predicate that holds in one of 80, their true probabilities, what holds."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-3, 2.5, count)
    truth = expit(0.5 * logits - 3.6)
    return expit(logits), truth, rng.uniform(0, 1, count) < truth


@pytest.mark.parametrize("method", METHODS)
def test_a_rare_predicate_is_not_made_likely(method):
    scores, truth, _ = rare(1_000, 5_000)
    ratios = []
    for seed in range(12):
        seen, _, holds = rare(seed, 3_000)
        samples = Samples(np.arange(3_000), np.full(3_000, 1), seen, holds)
        calibrator = Calibrator(fit(samples, method, VOCABULARY, "", ""), VOCABULARY)
        said = calibrator.probabilities(np.full(5_000, 1), scores)
        # To what was seen, not to the truth: that of 40 positives the draw may be off by a sixth.
        own = calibrator.probabilities(samples.predicates, seen)
        ratios.append((own.mean() / holds.mean(), *np.quantile(said / truth, (0.5, 0.9))))
    own, median, most = np.mean(ratios, axis=0)
    assert own == pytest.approx(1, abs=0.05)
    assert 0.6 < median < 1.2
    assert most < 1.5


def test_the_order_of_equal_scores_does_not_matter():
    # The second score is the first, once both are rounded for the file.
    scores = np.repeat([0.5, 0.5 + 1e-9, 0.8], 10)
    holds = np.repeat([False, True, True], 10)
    for order in (np.arange(30), np.arange(30)[::-1], np.random.default_rng(0).permutation(30)):
        knots, probabilities = fit_isotonic(scores[order], holds[order])
        assert knots == pytest.approx([0.5, 0.8])
        base = 20 / 30
        assert probabilities == pytest.approx([(10 + base) / 21, (10 + base) / 11])


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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("misses", [0, MIN_POSITIVES])
def test_few_samples_never_say_never_or_always(method, misses):
    """Neither where everything holds, nor where one score parts what holds from the rest."""
    count = MIN_POSITIVES + misses
    scores, holds = np.linspace(0.3, 0.6, count), np.arange(count) >= misses
    samples = Samples(np.arange(count), np.full(count, 1), scores, holds)
    (curve,) = fit(samples, method, VOCABULARY, "", "").curves
    # As sure as ten of ten let anybody be who expected either: 11 of 12 (Platt's targets).
    assert max(curve.probabilities) == pytest.approx(11 / 12, abs=0.01)
    assert min(curve.probabilities) >= (0.083333 if misses else 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_many_misses_are_not_stored_as_never(method):
    """Ten that hold among twenty thousand do not justify a probability of 0.000000."""
    scores = np.linspace(0, 1, 20_000)
    samples = Samples(np.arange(20_000), np.full(20_000, 1), scores, scores >= scores[-10])
    (curve,) = fit(samples, method, VOCABULARY, "", "").curves
    assert min(curve.probabilities) == pytest.approx(1 / 19_992, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_views_of_a_scene_have_no_part_in_their_own_probabilities(method):
    """Images 8 to 11 show one scene: what holds there must not tell what is said of them."""
    samples = drawn(1_000, 1.0)
    scene = (samples.image >= 8) & (samples.image < 12)
    flipped = dataclasses.replace(samples, holds=samples.holds ^ scene)
    first, second = (held_out_probabilities(s, method, VOCABULARY) for s in (samples, flipped))
    np.testing.assert_array_equal(first[scene], second[scene])
    assert (first != second).any()


def test_both_halves_of_the_images_are_judged_by_the_other():
    rng = np.random.default_rng(0)
    images, scores = np.repeat(np.arange(5), 400), rng.uniform(0, 1, 2_000)
    holds = rng.uniform(0, 1, 2_000) < np.where(images < 2, 0.25, 0.75)
    samples = Samples(images, np.full(2_000, 1), scores, holds)
    found = held_out_probabilities(samples, "isotonic", VOCABULARY)
    assert found[images < 2].mean() == pytest.approx(0.75, abs=0.04)
    assert found[images >= 2].mean() == pytest.approx(0.25, abs=0.04)


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
