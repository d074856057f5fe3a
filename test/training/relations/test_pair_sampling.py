# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs are annotated, which others there are, and how many of those are drawn."""

from dataclasses import replace

import numpy as np
import pytest

from psg_ros.training.relations.pair_sampling import (
    annotated_pairs,
    draw_others,
    other_pairs,
)
from psg_ros.training.relations.relation_samples import RelationTruth


def truth(num_segments: int, triplets: list) -> RelationTruth:
    segments = np.arange(num_segments)
    return RelationTruth("a", segments, segments, np.array(triplets, np.int64).reshape(-1, 3))


BUSY = truth(6, [[0, 1, 0], [1, 0, 2], [4, 2, 1], [0, 1, 1], [5, 3, 0]])
"""Three annotated pairs of fifteen, one of them in both directions."""


def test_annotated_pairs_come_once_in_the_annotated_order():
    assert annotated_pairs(BUSY, directed=False).tolist() == [[0, 1], [4, 2], [5, 3]]
    assert annotated_pairs(BUSY, directed=True).tolist() == [[0, 1], [1, 0], [4, 2], [5, 3]]


def test_a_pair_of_two_annotated_directions_has_that_of_its_first_triplet():
    assert annotated_pairs(truth(3, [[2, 1, 0], [1, 2, 0]]), directed=False).tolist() == [[2, 1]]


def test_directed_others_are_all_directions_without_annotation():
    """So the reverse of an annotated pair can be drawn as a negative, as in fair-psgg."""
    annotated = annotated_pairs(BUSY, directed=True)
    others = other_pairs(BUSY, annotated, directed=True).tolist()
    assert len(others) == 6 * 5 - 4
    assert [2, 4] in others and [3, 5] in others and [1, 0] not in others
    assert not any(pair in annotated.tolist() or pair[0] == pair[1] for pair in others)


def test_undirected_others_exclude_both_directions_of_annotated_pairs():
    others = other_pairs(BUSY, annotated_pairs(BUSY, directed=False), directed=False)
    assert len(others) == 15 - 3
    assert (others[:, 0] < others[:, 1]).all()
    assert not any(pair in [[0, 1], [2, 4], [3, 5]] for pair in others.tolist())


@pytest.mark.parametrize("directed", [False, True])
def test_doubtful_pairs_are_no_others_in_either_direction(directed):
    unsure = replace(BUSY, doubtful=np.array([[3, 2]]))
    annotated = annotated_pairs(unsure, directed=directed)
    lost = other_pairs(BUSY, annotated, directed=directed).tolist()
    for pair in other_pairs(unsure, annotated, directed=directed).tolist():
        lost.remove(pair)
    assert lost == ([[2, 3], [3, 2]] if directed else [[2, 3]])


def drawn(annotated: list[int], free: list[int], ratio: float, seed: int = 0) -> list[np.ndarray]:
    """Draw from images with so many annotated and other pairs."""
    first, second = (
        [np.zeros((count, 2), np.int64) for count in counts] for counts in (annotated, free)
    )
    return draw_others(first, second, ratio, np.random.default_rng(seed))


@pytest.mark.parametrize(("images", "expected"), [(5, 1), (10, 2), (30, 6)])
def test_one_of_five_is_counted_over_the_batch_though_no_image_has_five(images, expected):
    for seed in range(20):
        places = drawn([1] * images, [9] * images, 0.2, seed)
        assert sum(map(len, places)) == expected


@pytest.mark.parametrize(("annotated", "ratio"), [([1], 0.2), ([2], 0.2), ([3, 4], 0.2), ([7], 1)])
def test_what_is_left_over_is_made_up_for_in_the_long_run(annotated, ratio):
    wanted = ratio * sum(annotated)
    counts = [sum(map(len, drawn(annotated, [50, 50], ratio, seed))) for seed in range(2000)]
    assert set(counts) <= {int(np.floor(wanted)), int(np.ceil(wanted))}
    assert np.mean(counts) == pytest.approx(wanted, abs=0.03)


def test_images_share_others_as_they_share_annotated_pairs_not_by_their_size():
    counts = [[len(p) for p in drawn([1, 3], [200, 20], 1, seed)] for seed in range(1000)]
    assert np.mean(counts, axis=0) == pytest.approx([1, 3], abs=0.15)


def test_no_other_is_drawn_twice_and_all_have_their_turn():
    seen = [set(), set()]
    for seed in range(200):
        for places, known in zip(drawn([2, 3], [4, 9], 1.0, seed), seen, strict=True):
            assert len(set(places.tolist())) == len(places)
            known |= set(places.tolist())
    assert seen == [set(range(4)), set(range(9))]


def test_an_image_without_others_leaves_its_share_to_the_rest():
    assert [len(places) for places in drawn([2, 2], [0, 9], 1.0)] == [0, 4]
    assert [len(places) for places in drawn([2, 2], [0, 3], 1.0)] == [0, 3], "as far as there are"
    assert [len(places) for places in drawn([1], [0], 1.0)] == [0]
