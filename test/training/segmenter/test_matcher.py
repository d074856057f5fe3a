# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The assignment is the cheapest there is, and its costs are the losses it stands for."""

from itertools import permutations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import dice_loss
from psg_ros.training.segmenter.matcher import cross_entropy_cost, dice_cost, match

CONFIG = SegmentationTraining()


def predictions(
    num_queries: int, num_segments: int, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(num_queries, 4, generator=generator) * 2,
        torch.randn(num_queries, 12, generator=generator) * 3,
        torch.randint(0, 3, (num_segments,), generator=generator),
        torch.rand(num_segments, 12, generator=generator),
    )


def cost_of(class_logits, mask_logits, labels, masks, queries, segments) -> float:
    """Sum of the losses of an assignment, pair by pair."""
    total = torch.zeros(())
    for query, segment in zip(queries, segments, strict=True):
        total -= CONFIG.class_weight * class_logits[query].softmax(-1)[labels[segment]]
        logits, mask = mask_logits[query], masks[segment]
        total += CONFIG.mask_weight * functional.binary_cross_entropy_with_logits(logits, mask)
        total += CONFIG.dice_weight * dice_loss(logits[None], mask[None])[0]
    return float(total)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_assignment_is_cheaper(seed):
    inputs = predictions(num_queries=4, num_segments=3, seed=seed)
    queries, segments = match(*inputs, CONFIG)
    assert sorted(segments.tolist()) == [0, 1, 2]
    found = cost_of(*inputs, queries, segments)
    others = [cost_of(*inputs, chosen, range(3)) for chosen in permutations(range(4), 3)]
    assert found == pytest.approx(min(others), abs=1e-5)
    assert found < max(others) - 1, "the costs of these inputs must differ"


def test_without_classes_the_labels_say_nothing():
    classes, logits, labels, masks = predictions(num_queries=4, num_segments=3)
    found = match(None, logits, labels, masks, CONFIG)
    undecided = match(torch.zeros_like(classes), logits, labels, masks, CONFIG)
    assert [part.tolist() for part in found] == [part.tolist() for part in undecided]


def test_mask_cost_is_the_binary_cross_entropy():
    _, logits, _, masks = predictions(num_queries=5, num_segments=3)
    logits[0] *= 30  # far into saturation
    expected = torch.stack([
        functional.binary_cross_entropy_with_logits(
            logits, mask.expand_as(logits), reduction="none"
        ).mean(-1)
        for mask in masks
    ], dim=1)  # fmt: skip
    torch.testing.assert_close(cross_entropy_cost(logits, masks), expected, rtol=1e-4, atol=1e-5)


def test_dice_cost_of_a_query_with_its_segment_is_the_dice_loss():
    _, logits, _, masks = predictions(num_queries=4, num_segments=4)
    torch.testing.assert_close(dice_cost(logits, masks).diagonal(), dice_loss(logits, masks))


def test_an_image_without_segments_matches_nothing():
    queries, segments = match(*predictions(num_queries=4, num_segments=0), CONFIG)
    assert queries.shape == segments.shape == (0,)
    assert queries.dtype == segments.dtype == torch.int64


def test_segments_beyond_the_queries_stay_without_one():
    queries, segments = match(*predictions(num_queries=2, num_segments=5), CONFIG)
    assert sorted(queries.tolist()) == [0, 1]
    assert len(set(segments.tolist())) == 2


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_predictions_that_are_not_finite_are_refused(wrong):
    class_logits, mask_logits, labels, masks = predictions(num_queries=3, num_segments=2)
    mask_logits[1, 4] = wrong
    with pytest.raises(FloatingPointError, match="predictions are not finite"):
        match(class_logits, mask_logits, labels, masks, CONFIG)
