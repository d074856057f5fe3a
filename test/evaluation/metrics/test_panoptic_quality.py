# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Panoptic quality by hand, and against the rules of COCO told a second time, in loops."""

import numpy as np
import pytest

from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.scene_graph import Segmentation


def segmentation(rows, labels):
    return Segmentation(
        np.array(rows, np.int32), np.array(labels, np.int64), np.ones(len(labels), np.float32)
    )


def count(truth, predicted, is_crowd=None, num_labels=3):
    crowd = np.zeros(truth.num_segments, bool) if is_crowd is None else np.array(is_crowd)
    return panoptic_counts(truth, crowd, predicted, measure_overlap(truth, predicted), num_labels)


def test_a_match_a_miss_and_a_false_alarm():
    truth = segmentation([[0, 0, 0, 0, 1, 1]], [0, 1])
    predicted = segmentation([[0, 0, 0, 1, 1, 1]], [0, 2])
    counts = count(truth, predicted)
    assert counts.true_positives.tolist() == [1, 0, 0]
    assert counts.false_negatives.tolist() == [0, 1, 0]
    assert counts.false_positives.tolist() == [0, 0, 1]
    np.testing.assert_allclose(counts.panoptic_quality, [3 / 4, 0, 0])
    np.testing.assert_allclose(counts.segmentation_quality, [3 / 4, 0, 0])
    np.testing.assert_allclose(counts.recognition_quality, [1, 0, 0])


def test_predicted_pixels_on_void_leave_the_union():
    truth = segmentation([[0, 0, -1, -1, -1]], [0])
    predicted = segmentation([[0, 0, 0, 0, 0]], [0])
    assert count(truth, predicted).panoptic_quality[0] == 1.0


def test_a_false_alarm_is_forgiven_only_when_more_than_half_lies_on_void():
    truth = segmentation([[-1, -1, 0, 0, 0, 0, 0]], [1])
    half = segmentation([[0, 0, 0, 0, -1, -1, -1]], [0])
    more = segmentation([[0, 0, 0, -1, -1, -1, -1]], [0])
    assert count(truth, half).false_positives.tolist() == [1, 0, 0]
    assert count(truth, more).false_positives.tolist() == [0, 0, 0]


def test_a_crowd_is_never_missed_never_matched_and_forgives_its_own_class():
    truth = segmentation([[0, 0, 0, 0]], [0])
    same = count(truth, segmentation([[0, 0, 0, 0]], [0]), [True])
    assert same.occurs.tolist() == [False, False, False]
    other = count(truth, segmentation([[0, 0, 0, 0]], [1]), [True])
    assert other.false_positives.tolist() == [0, 1, 0]


def test_void_and_crowd_together_forgive():
    truth = segmentation([[-1, 0, 1, 1, 1, 1]], [0, 1])
    predicted = segmentation([[0, 0, 0, -1, -1, -1]], [0])
    assert count(truth, predicted, [True, False]).false_positives.tolist() == [0, 0, 0]


def test_a_label_that_is_nowhere_is_not_a_number():
    counts = count(segmentation([[0]], [1]), segmentation([[0]], [1]))
    assert np.isnan(counts.panoptic_quality[[0, 2]]).all()
    assert counts.panoptic_quality[1] == 1.0
    assert np.isnan(PanopticCounts.empty(2).panoptic_quality).all()


def test_an_empty_prediction_misses_everything():
    counts = count(segmentation([[0, 1]], [0, 0]), segmentation([[-1, -1]], []))
    assert counts.false_negatives.tolist() == [2, 0, 0]


def coco_pq(images, num_labels):
    """The rules of COCO in sets of pixels; at most one crowd per class and image."""
    tally = {c: {"iou": 0.0, "tp": 0, "fp": 0, "fn": 0} for c in range(num_labels)}
    for truth, crowd, predicted in images:
        void = set(zip(*np.where(truth.label_map == -1), strict=True))
        mask = lambda s, i: set(zip(*np.where(s.label_map == i), strict=True))  # noqa: E731
        truths = {i: mask(truth, i) for i in range(truth.num_segments)}
        guesses = {j: mask(predicted, j) for j in range(predicted.num_segments)}
        used_truth, used_guess = set(), set()
        for i, a in truths.items():
            for j, b in guesses.items():
                if crowd[i] or truth.labels[i] != predicted.labels[j] or not a & b:
                    continue
                iou = len(a & b) / (len(a | b) - len(b & void))
                if iou > 0.5:
                    tally[truth.labels[i]]["iou"] += iou
                    tally[truth.labels[i]]["tp"] += 1
                    used_truth.add(i)
                    used_guess.add(j)
        crowds = {truth.labels[i]: truths[i] for i in truths if crowd[i]}
        for i in truths:
            tally[truth.labels[i]]["fn"] += not crowd[i] and i not in used_truth
        for j, b in guesses.items():
            excused = len(b & void) + len(b & crowds.get(predicted.labels[j], set()))
            if j not in used_guess and not excused / max(len(b), 1) > 0.5:
                tally[predicted.labels[j]]["fp"] += 1
    return [
        t["iou"] / (t["tp"] + (t["fp"] + t["fn"]) / 2) if t["tp"] + t["fp"] + t["fn"] else np.nan
        for t in tally.values()
    ]


def blocky(rng, labels):
    """Random segmentation of coarse blocks, void included."""
    coarse = rng.integers(-1, len(labels), (4, 4))
    return segmentation(np.kron(coarse, np.ones((4, 4))), labels)


def noisy(rng, truth):
    """The truth with stray pixels and one label changed, so that some segments still match."""
    label_map = truth.label_map.copy()
    stray = rng.random(label_map.shape) < rng.choice([0.05, 0.3])
    label_map[stray] = rng.integers(-1, truth.num_segments, stray.sum())
    labels = truth.labels.copy()
    labels[rng.integers(len(labels))] = rng.integers(4)
    return segmentation(label_map, labels)


def test_agrees_with_the_coco_rules_in_loops_on_random_images():
    rng = np.random.default_rng(1)
    images = []
    for _ in range(60):
        truth = blocky(rng, rng.integers(0, 4, rng.integers(2, 7)))
        crowd = np.zeros(truth.num_segments, bool)
        crowd[rng.integers(truth.num_segments)] = rng.random() < 0.5
        predicted = noisy(rng, truth) if rng.random() < 0.7 else blocky(rng, rng.integers(0, 4, 5))
        images.append((truth, crowd, predicted))
    total = PanopticCounts.empty(4)
    for truth, crowd, predicted in images:
        total += count(truth, predicted, crowd, num_labels=4)
    assert total.true_positives.sum() > 0 and total.false_positives.sum() > 0
    assert total.panoptic_quality == pytest.approx(coco_pq(images, 4), abs=1e-9)
