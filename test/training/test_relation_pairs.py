# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs: which are drawn, what they are called, and that no image's facts reach another's pairs."""

import numpy as np
import pytest
import torch

from psg_ros.training.config import RelationTraining
from psg_ros.training.relation_pairs import draw_batch, draw_pairs, pair_batch, split_pairs
from psg_ros.training.relation_samples import RelationSample, RelationTruth

SETTINGS = RelationTraining(negatives_per_positive=1.0)


def truth(num_segments: int, triplets: list, image_id: str = "a") -> RelationTruth:
    labels = np.arange(num_segments) + 10 * len(triplets)
    return RelationTruth(image_id, labels, np.arange(num_segments), np.array(triplets, np.int64))


def sample(num_segments: int, mark: float) -> RelationSample:
    """Numbers that tell where they came from: `mark` is the image, the hundreds the segment."""
    segments = torch.arange(num_segments).float()[:, None] * 100 + mark
    taps = torch.full((2, 6, 4), mark, dtype=torch.bfloat16)
    return RelationSample(taps, segments.expand(-1, 6), segments.expand(-1, 4))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


BUSY = truth(6, [[0, 1, 0], [1, 0, 2], [4, 2, 1], [0, 1, 1], [5, 3, 0]])
"""Three annotated pairs of fifteen, one of them in both directions."""
ANNOTATED = [[0, 1], [4, 2], [5, 3]]


@pytest.mark.parametrize(("ratio", "negatives"), [(0.2, 1), (1.0, 3), (2.4, 7), (9.0, 12)])
def test_all_annotated_pairs_are_drawn_in_their_order_with_the_wanted_number_of_others(
    ratio, negatives
):
    for seed in range(5):
        pairs = draw_pairs(BUSY, ratio, rng(seed)).tolist()
        assert sorted(pairs[:3]) == ANNOTATED
        unordered = {tuple(sorted(pair)) for pair in pairs}
        assert len(unordered) == len(pairs) == 3 + negatives, "no pair twice"
        assert all(0 <= first != second < 6 for first, second in pairs)


@pytest.mark.parametrize(
    ("ratio", "annotated", "negatives"),
    [(0.2, 1, 0), (0.2, 2, 0), (0.2, 3, 1), (0.2, 5, 1), (0.5, 1, 0), (0.5, 3, 2), (0.5, 5, 2)],
)
def test_the_number_of_others_is_rounded_in_every_image(ratio, annotated, negatives):
    chain = truth(9, [[first, first + 1, 0] for first in range(annotated)])
    assert len(draw_pairs(chain, ratio, rng())) == annotated + negatives


def test_every_other_pair_has_its_turn_in_both_orders():
    one = rng()
    seen = {tuple(pair) for _ in range(300) for pair in draw_pairs(BUSY, 1.0, one).tolist()}
    assert len(seen) == 3 + 2 * 12


def test_an_image_may_have_no_pair_left_to_draw():
    assert draw_pairs(truth(2, [[1, 0, 0]]), 1.0, rng()).tolist() == [[1, 0]]


def two_images():
    truths = [BUSY, truth(3, [[2, 1, 1]], "b")]
    drawn = draw_batch(truths, 3, SETTINGS, [rng(), rng()])
    return truths, [sample(6, 1), sample(3, 2)], drawn


def test_a_batch_keeps_images_and_pairs_together():
    truths, samples, drawn = two_images()
    assert drawn.image.tolist() == [0] * 6 + [1] * 2
    assert drawn.targets[0].tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]], "0 -> 1, then 1 -> 0"
    rows = drawn.pairs.tolist()
    assert drawn.targets[rows.index([4, 2])].tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert drawn.targets[6].tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]], "2 -> 1 of the second image"
    assert (drawn.targets[3:6, :, 0] == 1).all() and (drawn.targets[7, :, 0] == 1).all()
    batch = pair_batch(drawn, samples, torch.stack([s.features for s in samples]))
    assert batch.overlap.shape == (8, 2, 6) and batch.boxes.shape == (8, 2, 4)
    expected = [
        [first * 100 + 1 + image, second * 100 + 1 + image]
        for image, (first, second) in zip(drawn.image.tolist(), rows, strict=True)
    ]
    assert batch.overlap[:, :, 0].tolist() == expected
    assert batch.boxes[:, :, 0].tolist() == expected
    labels = [
        [truths[image].labels[segment] for segment in pair]
        for image, pair in zip(drawn.image.tolist(), rows, strict=True)
    ]
    assert batch.labels.tolist() == labels
    assert batch.totals == (8, 8, 8)


def test_an_unlabelled_reverse_is_a_negative_or_ignored():
    truths, _, drawn = two_images()
    assert drawn.learned.all()
    settings = RelationTraining(negatives_per_positive=1.0, reverse_unlabelled="ignore")
    ignoring = draw_batch(truths, 3, settings, [rng(), rng()])
    assert ignoring.targets.equal(drawn.targets)
    both_labelled, one_labelled, negative = [True, True], [True, False], [True, True]
    assert sorted(ignoring.learned[:3].tolist()) == [one_labelled, one_labelled, both_labelled]
    assert ignoring.learned[3:6].tolist() == [negative] * 3
    assert ignoring.learned[6:].tolist() == [one_labelled, negative]
    assert ignoring.totals() == (8, 5, 8)


@pytest.mark.parametrize(("limit", "sizes"), [(0, [8]), (8, [8]), (7, [4, 4]), (3, [3, 3, 2])])
def test_pairs_are_split_into_equal_parts_up_to_the_limit(limit, sizes):
    _, _, drawn = two_images()
    parts = split_pairs(drawn, limit)
    assert [len(part.pairs) for part in parts] == sizes
    whole = {(*pair, image) for pair, image in zip(drawn.pairs.tolist(), drawn.image.tolist())}  # noqa: B905
    found = [
        (*pair, image)
        for part in parts
        for pair, image in zip(part.pairs.tolist(), part.image.tolist(), strict=True)
    ]
    assert len(found) == 8 and set(found) == whole


def test_processes_share_a_batch_and_its_totals():
    _, samples, drawn = two_images()
    parts = [
        pair_batch(drawn, [sample], sample.features[None], first, num_ranks=2)
        for first, sample in enumerate(samples)
    ]
    assert [part.image.tolist() for part in parts] == [[0] * 6, [0] * 2]
    assert [set((part.overlap[:, 0, 0] % 100).tolist()) for part in parts] == [{1}, {2}]
    assert [part.totals for part in parts] == [(4, 4, 4)] * 2, "the mean over two counts each once"
