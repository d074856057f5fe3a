# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs are related: of the best segments, of labels that are asked for."""

import numpy as np

from psg_ros.robot.ops.pairs import best_segments, choose_pairs, unordered_pairs

LABELS = np.array([0, 1, 2, 0])
SCORES = np.float32([0.9, 0.5, 0.7, 0.8])


def test_of_equal_scores_the_first_segments_stay():
    assert best_segments(np.float32([0.5, 0.5, 0.5]), 2).tolist() == [0, 1]
    assert best_segments(np.float32([0.1, 0.2]), 0).tolist() == [0, 1]


def test_pairs_are_listed_by_first_then_second():
    pairs = unordered_pairs(np.array([1, 4, 6]))
    assert pairs.dtype == np.int32
    assert pairs.tolist() == [[1, 4], [1, 6], [4, 6]]


def test_without_a_wish_all_pairs_are_related():
    assert len(choose_pairs(LABELS, SCORES)) == 6
    assert choose_pairs(LABELS, SCORES, limit=2).tolist() == [[0, 3]]


def test_only_pairs_of_the_labels_that_are_asked_for_are_related_in_either_order():
    wanted = np.zeros((3, 3), bool)
    wanted[0, 1] = wanted[1, 0] = True
    assert choose_pairs(LABELS, SCORES, wanted=wanted).tolist() == [[0, 1], [1, 3]]
    assert choose_pairs(LABELS, SCORES, limit=3, wanted=wanted).tolist() == []


def test_without_segments_there_is_no_pair():
    pairs = choose_pairs(LABELS[:0], SCORES[:0], wanted=np.ones((3, 3), bool))
    assert pairs.shape == (0, 2) and pairs.dtype == np.int32
