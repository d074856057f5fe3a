# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What was said of annotated pairs."""

import numpy as np

from psg_ros.evaluation.metrics.confusion import calibrated, confusion_counts, matched_pairs
from psg_ros.scene_graph import RelationScores, SceneRelation

# Predicted segment 0 is truth's 1, predicted 1 is truth's 0, predicted 2 is nothing of the truth.
MATCH = np.array([1, 0, -1])
TRIPLETS = np.array([[1, 0, 2], [1, 0, 0], [0, 1, 1]])


def scores(rows):
    return RelationScores(
        np.array([row[:2] for row in rows], np.int32).reshape(-1, 2),
        np.array([row[2:] for row in rows], np.float32).reshape(len(rows), 4),
    )


SAID = scores([(0, 1, -9, 1, 0, 5), (1, 0, -9, 1, 0, 5), (0, 2, -9, 9, 0, 0)])


def test_scored_pairs_are_carried_over_to_the_truth():
    pairs = matched_pairs(TRIPLETS, SAID, MATCH, 3)
    assert pairs.triplets.tolist() == [[1, 0, 2], [0, 1, 2]]
    assert pairs.is_related.tolist() == [True, True]
    assert pairs.is_right.tolist() == [True, False]
    np.testing.assert_allclose(pairs.scores, 1 / (1 + np.exp(-9)) / (1 + np.exp(-5)))


def test_every_annotated_predicate_of_a_scored_pair_counts():
    pairs = matched_pairs(TRIPLETS, SAID, MATCH, 3)
    assert confusion_counts(TRIPLETS, pairs, 3).tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 1]]


def test_pairs_that_nobody_annotated_are_not_confused():
    pairs = matched_pairs(TRIPLETS[:2], SAID, MATCH, 3)
    assert pairs.is_related.tolist() == [True, False]
    assert confusion_counts(TRIPLETS[:2], pairs, 3).sum() == 2


def test_without_pairs_nothing_is_counted():
    pairs = matched_pairs(TRIPLETS, scores([]), MATCH, 3)
    assert len(pairs.scores) == 0 and confusion_counts(TRIPLETS, pairs, 3).sum() == 0
    none = matched_pairs(TRIPLETS[:0], SAID, MATCH, 3)
    assert not none.is_related.any() and confusion_counts(TRIPLETS[:0], none, 3).sum() == 0


def test_a_listed_relation_comes_true_with_both_ends_and_the_predicate():
    listed = [
        SceneRelation(0, 1, 2, "", 0.5, 0.9),
        SceneRelation(0, 1, 1, "", 0.5, 0.8),
        SceneRelation(0, 2, 2, "", 0.5, 0.7),
        SceneRelation(1, 0, 1, "", 0.5),
    ]
    probabilities, is_right = calibrated(TRIPLETS, listed, MATCH, 3)
    assert probabilities.tolist() == [0.9, 0.8, 0.7]
    assert is_right.tolist() == [True, False, False]


def test_two_unmatched_ends_do_not_add_up_to_a_triplet():
    listed = [SceneRelation(2, 2, 0, "", 0.5, 0.9)]
    assert calibrated(np.array([[0, 0, 0]]), listed, MATCH, 3)[1].tolist() == [False]
    assert calibrated(TRIPLETS, [], MATCH, 3)[0].shape == (0,)
