# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The losses of both stages are zero for what is right and grow with what is wrong."""

import math

import pytest
import torch
from torch import Tensor

from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import (
    SegmentTargets,
    consistency_loss,
    relation_targets,
    resize_masks,
    set_loss,
)

CONFIG = SegmentationTraining()
NUM_LABELS, SURE = 3, 30.0


def target(masks: torch.Tensor, labels: list[int]) -> SegmentTargets:
    semantic = torch.full(masks.shape[1:], -1)
    return SegmentTargets(torch.tensor(labels, dtype=torch.int64), masks, semantic)


def two_images() -> list[SegmentTargets]:
    """Two segments, then three, on a grid of 4 x 6."""
    first, second = torch.zeros(2, 4, 6), torch.zeros(3, 4, 6)
    first[0, :2], first[1, 2:] = 1, 1
    second[0, :, :2], second[1, :, 2:4], second[2, :, 4:] = 1, 1, 1
    return [target(first, [2, 0]), target(second, [1, 1, 0])]


def perfect(targets: list[SegmentTargets], num_queries: int = 5) -> tuple[Tensor, Tensor]:
    """Logits that say exactly the truth: query i has segment i, the rest "no object"."""
    class_logits = torch.full((len(targets), num_queries, NUM_LABELS + 1), -SURE)
    mask_logits = torch.full((len(targets), num_queries, 4, 6), -SURE)
    for index, truth in enumerate(targets):
        count = len(truth.labels)
        class_logits[index, torch.arange(count), truth.labels] = SURE
        class_logits[index, count:, NUM_LABELS] = SURE
        mask_logits[index, :count] = (truth.masks * 2 - 1) * SURE
    return class_logits, mask_logits


def total(class_logits, mask_logits, targets) -> float:
    return float(sum(set_loss(class_logits, mask_logits, targets, CONFIG).values()))


def test_the_truth_costs_nothing():
    targets = two_images()
    losses = set_loss(*perfect(targets), targets, CONFIG)
    assert set(losses) == {"class", "mask", "dice"}
    assert all(value == pytest.approx(0, abs=1e-4) for value in losses.values())


def test_masks_under_wrong_classes_cost_more_than_the_truth():
    targets = two_images()
    class_logits, mask_logits = perfect(targets)
    assert total(class_logits, mask_logits.roll(1, dims=1), targets) > 1
    assert total(class_logits.roll(1, dims=2), mask_logits, targets) > 1
    assert total(class_logits, -mask_logits, targets) > 1


def test_masks_without_classes_are_matched_by_themselves():
    targets = two_images()
    _, mask_logits = perfect(targets)
    losses = set_loss(None, mask_logits.roll(1, dims=1), targets, CONFIG)
    assert set(losses) == {"mask", "dice"}, "there is no class to learn"
    assert all(value == pytest.approx(0, abs=1e-4) for value in losses.values())
    assert sum(set_loss(None, -mask_logits, targets, CONFIG).values()) > 1


def test_the_order_of_the_queries_does_not_matter():
    targets, generator = two_images(), torch.Generator().manual_seed(1)
    class_logits = torch.randn(2, 5, NUM_LABELS + 1, generator=generator)
    mask_logits = torch.randn(2, 5, 4, 6, generator=generator)
    shuffled = torch.tensor([3, 0, 4, 1, 2])
    before = total(class_logits, mask_logits, targets)
    after = total(class_logits[:, shuffled], mask_logits[:, shuffled], targets)
    assert after == pytest.approx(before, rel=1e-5)


def test_coarse_predictions_are_compared_with_averaged_masks():
    masks = torch.zeros(1, 4, 6)
    masks[0, :3, :3] = 1
    pooled = resize_masks(masks, torch.Size((2, 3)))
    torch.testing.assert_close(pooled, torch.tensor([[1, 0.5, 0, 0.5, 0.25, 0]]))
    assert resize_masks(masks, torch.Size((4, 6))).equal(masks.flatten(1))


def test_an_image_without_segments_still_teaches_no_object():
    targets = [target(torch.zeros(0, 4, 6), [])]
    class_logits, mask_logits = torch.zeros(1, 5, NUM_LABELS + 1), torch.zeros(1, 5, 4, 6)
    losses = set_loss(class_logits, mask_logits, targets, CONFIG)
    assert losses["mask"] == losses["dice"] == 0
    # Weighted cross entropy is a weighted mean: four equal logits cost log 4 whatever the weight.
    assert float(losses["class"]) == pytest.approx(2 * math.log(4), rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_gradients_are_finite(scale):
    targets = [*two_images(), target(torch.zeros(0, 4, 6), [])]
    generator = torch.Generator().manual_seed(2)
    class_logits = torch.randn(3, 5, NUM_LABELS + 1, generator=generator) * scale
    mask_logits = torch.randn(3, 5, 4, 6, generator=generator) * scale
    leaves = (class_logits.requires_grad_(), mask_logits.requires_grad_())
    torch.stack(list(set_loss(*leaves, targets, CONFIG).values())).sum().backward()
    for leaf in leaves:
        assert leaf.grad.isfinite().all() and leaf.grad.any()


def test_relation_targets_hold_all_predicates_of_a_direction():
    triplets = torch.tensor([[0, 1, 2], [0, 1, 0], [2, 0, 1]])
    pairs = torch.tensor([[0, 1], [1, 0], [0, 2], [2, 0], [1, 2]])
    expected = [
        [0, 1, 0, 1],  # two predicates
        [1, 0, 0, 0],  # its reverse is not annotated: "no relation"
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [1, 0, 0, 0],
    ]
    assert relation_targets(triplets, pairs, 3).tolist() == expected


def test_relation_targets_of_no_pairs_or_no_triplets():
    none = torch.zeros(0, 3, dtype=torch.int64)
    assert relation_targets(none, torch.tensor([[0, 1]]), 2).tolist() == [[1, 0, 0]]
    assert relation_targets(none, none[:, :2], 2).shape == (0, 3)


def test_consistency_is_zero_exactly_when_the_halves_swap():
    first, second = torch.randn(4, 6), torch.randn(4, 6)
    assert consistency_loss((first, second), (second, first)) == 0
    assert consistency_loss((first, second), (first, second)) > 0
    moved = second.clone()
    moved[0, 0] += 2  # one of 24 numbers is off by 2
    assert consistency_loss((first, second), (moved, first)) == pytest.approx(4 / 24, rel=1e-5)
    assert consistency_loss((first, moved), (second, first)) == pytest.approx(4 / 24, rel=1e-5)
