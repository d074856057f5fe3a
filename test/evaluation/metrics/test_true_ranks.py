# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The place of the annotated predicate in a model's list for its pair."""

import numpy as np

from psg_ros.evaluation.metrics.true_ranks import LOST, marked, true_predicate_ranks
from psg_ros.scene_graph import RelationScores

SCORES = RelationScores(
    np.array([[0, 1], [1, 0], [1, 2]], np.int32),
    # "no relation" first: it is not a predicate and has no say here.
    np.array([[9, 3, 1, 2], [9, 0, 0, 0], [9, 5, 4, 6]], np.float32),
)
"""Segments 0, 1, 2 of the model are 2, 0 and nothing of the truth."""
MATCH = np.array([2, 0, -1])


def ranks(*triplets) -> tuple[int, ...]:
    return true_predicate_ranks(np.array(triplets, np.int64).reshape(-1, 3), SCORES, MATCH)


def test_the_best_predicate_of_a_pair_has_rank_1():
    assert ranks([2, 0, 0], [2, 0, 1], [2, 0, 2]) == (1, 3, 2)


def test_the_order_of_ties_is_that_of_the_prediction():
    assert ranks([0, 2, 0], [0, 2, 1], [0, 2, 2]) == (1, 2, 3)
    assert SCORES.logits[1, 1:].argmax() == 0


def test_a_triplet_with_an_end_that_was_not_found_is_lost():
    assert ranks([0, 1, 0], [1, 0, 2], [2, 1, 0]) == (LOST, LOST, LOST)


def test_self_relations_are_lost_and_no_triplets_have_no_ranks():
    assert ranks([2, 2, 0]) == (LOST,)
    assert ranks() == ()


def test_predicates_are_marked_for_people():
    assert (marked("standing on", 2), marked("on", LOST)) == ("standing on #2", "on #-")
