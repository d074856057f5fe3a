# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs: which are drawn, what they are called, and that no image's facts reach another's pairs."""

import numpy as np
import pytest
import torch

from psg_ros.training.config import RelationTraining
from psg_ros.training.relations.relation_pairs import draw_batch, pair_batch, split_pairs
from psg_ros.training.relations.relation_samples import RelationSample, RelationTruth

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


def two_images():
    truths = [BUSY, truth(3, [[2, 1, 1]], "b")]
    drawn = draw_batch(truths, 3, SETTINGS, rng())
    return truths, [sample(6, 1), sample(3, 2)], drawn


def test_a_batch_keeps_images_and_pairs_together():
    truths, samples, drawn = two_images()
    rows = drawn.pairs.tolist()
    assert drawn.image[:4].tolist() == [0, 0, 0, 1] and rows[:4] == [[0, 1], [4, 2], [5, 3], [2, 1]]
    assert len(rows) == 2 * 4 and set(drawn.image[4:].tolist()) <= {0, 1}
    assert drawn.targets[:4].tolist() == [
        [[0, 1, 1, 0], [0, 0, 0, 1]],  # 0 -> 1 twice, 1 -> 0 once
        [[0, 0, 1, 0], [1, 0, 0, 0]],
        [[0, 1, 0, 0], [1, 0, 0, 0]],
        [[0, 0, 1, 0], [1, 0, 0, 0]],  # 2 -> 1 of the second image
    ]
    assert drawn.targets[4:].tolist() == [[[1, 0, 0, 0]] * 2] * 4
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


def test_others_come_in_both_orders():
    drawn = [draw_batch([BUSY], 3, SETTINGS, rng(seed)).pairs[3:] for seed in range(200)]
    assert len({tuple(pair) for pairs in drawn for pair in pairs.tolist()}) == 2 * 12


def test_directed_pairs_teach_one_direction_and_have_reverses_among_the_others():
    settings = RelationTraining(negatives_per_positive=9.0)
    drawn = draw_batch([BUSY], 3, settings, rng(), directed=True)
    rows = [tuple(pair) for pair in drawn.pairs.tolist()]
    assert rows[:4] == [(0, 1), (1, 0), (4, 2), (5, 3)]
    assert len(rows) == len(set(rows)) == 6 * 5, "every direction there is"
    related = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert drawn.targets[:, 0].tolist() == related + [[1, 0, 0, 0]] * 26
    assert drawn.learned.tolist() == [[True, False]] * 30
    assert drawn.totals() == (30, 0, 30)


def test_one_of_five_directions_is_drawn_over_the_batch():
    truths = [truth(4, [[0, 1, 0]], str(image)) for image in range(10)]
    drawn = draw_batch(truths, 3, RelationTraining(), rng(), directed=True)
    assert len(drawn.pairs) == 10 + 2


def test_an_unlabelled_reverse_is_a_negative_or_ignored():
    truths, _, drawn = two_images()
    assert drawn.learned.all()
    settings = RelationTraining(negatives_per_positive=1.0, reverse_unlabelled="ignore")
    ignoring = draw_batch(truths, 3, settings, rng())
    assert ignoring.targets.equal(drawn.targets)
    both_labelled, one_labelled, negative = [True, True], [True, False], [True, True]
    assert ignoring.learned.tolist() == [both_labelled] + [one_labelled] * 3 + [negative] * 4
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
    counts = drawn.image.bincount().tolist()
    assert [part.image.tolist() for part in parts] == [[0] * count for count in counts]
    assert [set((part.overlap[:, 0, 0] % 100).tolist()) for part in parts] == [{1}, {2}]
    assert [part.totals for part in parts] == [(4, 4, 4)] * 2, "the mean over two counts each once"
