# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall of triplets on cases small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from psg_ros.evaluation.metrics.recall import (
    PAIRS,
    RecallSums,
    depth,
    found_triplets,
    k_name,
    rank_with_constraint,
    rank_without_constraint,
    reachable_triplets,
    recall_of_image,
    without_self_relations,
)
from psg_ros.scene_graph import RelationScores


def scores(rows):
    """Rows of (subject, object, logit of no relation, logits of the predicates...)."""
    return RelationScores(
        np.array([row[:2] for row in rows], np.int32).reshape(-1, 2),
        np.array([row[2:] for row in rows], np.float32).reshape(len(rows), -1),
    )


def triplets(*rows):
    return np.array(rows, np.int64).reshape(-1, 3)


def test_pairs_rank_by_no_relation_and_offer_their_best_predicate():
    ranked = rank_with_constraint(scores([(0, 1, 2.0, 9, 0, 0), (1, 0, -2.0, 0, 0, 1)]))
    assert ranked.tolist() == [[1, 0, 2], [0, 1, 0]]


def test_saturated_probabilities_still_rank():
    # In float32 both sigmoids are exactly 0, and the order would be lost.
    ranked = rank_with_constraint(scores([(0, 1, -200.0, 1, 0), (1, 0, -201.0, 1, 0)]))
    assert ranked[:, :2].tolist() == [[1, 0], [0, 1]]


def test_a_method_s_own_rank_orders_pairs_whatever_the_logits_say():
    pairs = scores([(0, 1, 2.0, 9, 0), (1, 0, -2.0, 0, 1), (2, 0, 0.0, 1, 0)])
    ranked = replace(pairs, rank=np.array([3.0, 1.0, 2.0]))
    assert rank_with_constraint(ranked).tolist() == [[0, 1, 0], [2, 0, 0], [1, 0, 1]]
    tied = replace(pairs, rank=np.zeros(3))
    assert rank_with_constraint(tied)[:, :2].tolist() == [[0, 1], [1, 0], [2, 0]]


def test_the_rank_of_pairs_says_nothing_of_predicates_among_each_other():
    """As in fair-psgg: without constraint entries compete by their scores."""
    pairs = scores([(0, 1, -3.0, 2.0, 1.0), (1, 0, 3.0, 5.0, -5.0)])
    ranked = replace(pairs, rank=np.array([0.0, 1.0]))
    assert np.array_equal(rank_without_constraint(ranked, 4), rank_without_constraint(pairs, 4))


def test_ties_resolve_by_subject_then_object_then_predicate():
    tied = scores([(2, 0, 0, 1, 1), (0, 2, 0, 1, 1), (0, 1, 0, 1, 1)])
    assert rank_with_constraint(tied).tolist() == [[0, 1, 0], [0, 2, 0], [2, 0, 0]]
    assert rank_without_constraint(tied, 3).tolist() == [[0, 1, 0], [0, 1, 1], [0, 2, 0]]


def test_without_constraint_a_pair_gives_several_predicates():
    two = scores([(0, 1, -3.0, 2.0, 1.0), (1, 0, 3.0, 5.0, -5.0)])
    assert rank_without_constraint(two, 2).tolist() == [[0, 1, 0], [0, 1, 1]]


def test_asking_for_more_or_nothing_gives_all_or_nothing():
    two = scores([(0, 1, -3.0, 2.0, 1.0), (1, 0, 3.0, 5.0, -5.0)])
    assert len(rank_without_constraint(two, 100)) == 4
    assert len(rank_without_constraint(two, 0)) == 0
    none = RelationScores(np.zeros((0, 2), np.int32), np.zeros((0, 3), np.float32))
    assert rank_with_constraint(none).shape == (0, 3)
    assert rank_without_constraint(none, 5).shape == (0, 3)


def test_the_best_entries_are_the_same_whatever_the_limit():
    rng = np.random.default_rng(0)
    pairs = [(s, o) for s in range(6) for o in range(6) if s != o]
    many = scores([(*pair, *rng.integers(-2, 3, 9)) for pair in pairs])
    everything = rank_without_constraint(many, 10**6)
    assert np.array_equal(rank_without_constraint(many, 17), everything[:17])


def test_a_hit_needs_both_ends_the_direction_and_the_predicate():
    truth = triplets((0, 1, 2), (1, 0, 2), (0, 1, 1))
    match = np.array([-1, 1, 0])  # predicted segment 2 is truth's 0, predicted 1 is truth's 1
    retrieved = triplets((2, 1, 2), (0, 1, 2), (2, 1, 0))
    assert found_triplets(truth, retrieved, match, 3).tolist() == [True, False, False]


def test_a_duplicated_triplet_is_found_twice_and_counts_twice():
    truth = triplets((0, 1, 0), (0, 1, 0), (1, 0, 1))
    found = found_triplets(truth, triplets((0, 1, 0)), np.array([0, 1]), 2)
    sums = recall_of_image(truth, found, 2)
    assert sums.recall == pytest.approx(2 / 3)
    assert sums.per_predicate.tolist() == [1.0, 0.0]


def test_recall_is_taken_within_each_image_before_averaging():
    # One of one in the first image, one of three in the second: not two of four.
    first = recall_of_image(triplets((0, 1, 0)), np.array([True]), 2)
    second = recall_of_image(
        triplets((0, 1, 0), (1, 2, 0), (2, 0, 0)), np.array([True, False, False]), 2
    )
    both = first + second
    assert both.recall == pytest.approx((1 + 1 / 3) / 2)
    assert both.mean_recall == pytest.approx((1 + 1 / 3) / 2)


def test_mean_recall_averages_over_the_predicates_that_occur():
    sums = recall_of_image(
        triplets((0, 1, 0), (1, 0, 0), (0, 1, 2)), np.array([True, False, False]), 5
    )
    assert sums.mean_recall == pytest.approx((0.5 + 0.0) / 2)
    assert np.isnan(sums.per_predicate[[1, 3, 4]]).all()


def test_images_without_triplets_neither_count_nor_divide_by_zero():
    nothing = recall_of_image(triplets(), np.zeros(0, bool), 3)
    assert nothing.images == 0
    assert np.isnan(nothing.recall) and np.isnan(RecallSums.empty(3).mean_recall)


def test_self_relations_are_left_out():
    assert without_self_relations(triplets((0, 0, 1), (0, 1, 1))).tolist() == [[0, 1, 1]]


def test_reachable_is_what_has_both_ends_matched():
    truth = triplets((0, 1, 0), (1, 2, 0))
    assert reachable_triplets(truth, np.array([1, -1, 0])).tolist() == [True, False]


def test_pairs_as_k_is_the_number_of_distinct_annotated_pairs():
    # Two predicates of one pair are one pair, its reverse is another.
    truth = triplets((0, 1, 0), (0, 1, 2), (0, 1, 0), (1, 0, 0), (2, 1, 1))
    assert depth(PAIRS, truth) == 3 and depth(20, truth) == 20
    assert (k_name(PAIRS), k_name(20)) == ("pairs", "20")


def test_without_a_no_relation_column_pairs_rank_by_their_best_predicate():
    bare = scores([(0, 1, -np.inf, 1.0, 2.0), (1, 0, -np.inf, 3.0, -9.0), (2, 0, -np.inf, 2.5, 0)])
    assert rank_with_constraint(bare).tolist() == [[1, 0, 0], [2, 0, 0], [0, 1, 1]]
    assert rank_without_constraint(bare, 4).tolist() == [[1, 0, 0], [2, 0, 0], [0, 1, 1], [0, 1, 0]]


def test_a_no_relation_logit_beats_the_predicates_in_the_order_of_pairs():
    # The pair with the surer predicate comes second: its "no relation" is likelier.
    two = scores([(0, 1, 1.0, 9.0, 0.0), (1, 0, 0.5, 0.1, 0.0)])
    assert rank_with_constraint(two).tolist() == [[1, 0, 0], [0, 1, 0]]
