# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Points as Mask2Former draws them, against its implementation in transformers."""

import pytest
import torch

from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import SegmentTargets, dice_loss, matched_masks, set_loss
from psg_ros.training.segmenter.matcher import cross_entropy_cost, dice_cost
from psg_ros.training.segmenter.point_sampling import at_own_points, at_points, unsure_points


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 3


@pytest.fixture(scope="module")
def mask2former():
    name = "transformers.models.mask2former.modeling_mask2former"
    return pytest.importorskip(name)


def test_values_at_points_are_mask2formers(mask2former):
    masks, points = drawn(5, 12, 20), torch.rand(7, 2)
    theirs = mask2former.sample_point(
        masks[:, None], points.expand(5, -1, -1), align_corners=False
    ).squeeze(1)
    torch.testing.assert_close(at_points(masks, points), theirs)
    own = torch.rand(5, 7, 2)
    theirs = mask2former.sample_point(masks[:, None], own, align_corners=False).squeeze(1)
    torch.testing.assert_close(at_own_points(masks, own), theirs)


def loss_of(mask2former, num_points: int):
    transformers = pytest.importorskip("transformers")
    config = transformers.Mask2FormerConfig(num_labels=3, train_num_points=num_points)
    assert (config.oversample_ratio, config.importance_sample_ratio) == (3.0, 0.75)
    return mask2former.Mask2FormerLoss(config, weight_dict={})


def test_the_points_themselves_are_mask2formers(mask2former):
    logits, theirs = drawn(4, 10, 14), loss_of(mask2former, 40)
    torch.manual_seed(3)
    expected = theirs.sample_points_using_uncertainty(
        logits[:, None], theirs.calculate_uncertainty, 40, 3, 0.75
    )
    torch.manual_seed(3)
    torch.testing.assert_close(unsure_points(logits, 40), expected)


def test_losses_at_equal_points_are_mask2formers(mask2former):
    logits, masks = drawn(1, 6, 10, 14), (drawn(1, 3, 40, 56, seed=1) > 0).float()
    indices = [(torch.tensor([4, 0, 2]), torch.tensor([1, 0, 2]))]
    theirs = loss_of(mask2former, 60)
    torch.manual_seed(5)
    expected = theirs.loss_masks(logits, list(masks), indices, num_masks=3)
    torch.manual_seed(5)
    chosen, true = logits[0, indices[0][0]], masks[0, indices[0][1]]
    points = unsure_points(chosen, 60)
    values, truth = at_own_points(chosen, points), at_own_points(true, points)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(values, truth)
    torch.testing.assert_close(bce, expected["loss_mask"])
    torch.testing.assert_close(dice_loss(values, truth).mean(), expected["loss_dice"])


def test_matching_costs_at_equal_points_are_mask2formers(mask2former):
    logits, masks = drawn(6, 10, 14), (drawn(3, 40, 56, seed=1) > 0).float()
    points = torch.rand(50, 2)
    values, truth = at_points(logits, points), at_points(masks, points)
    torch.testing.assert_close(
        cross_entropy_cost(values, truth),
        mask2former.pair_wise_sigmoid_cross_entropy_loss(values, truth),
    )
    torch.testing.assert_close(
        dice_cost(values, truth), mask2former.pair_wise_dice_loss(values, truth)
    )


def test_the_whole_set_loss_at_equal_points_is_mask2formers(mask2former):
    settings = SegmentationTraining(points=50)
    class_logits, mask_logits = drawn(1, 6, 4), drawn(1, 6, 10, 14, seed=2)
    masks, labels = (drawn(3, 40, 56, seed=1) > 0).byte(), torch.tensor([2, 0, 2])
    target = SegmentTargets(labels, masks, torch.full((10, 14), -1))
    torch.manual_seed(7)
    ours = set_loss(class_logits, mask_logits, [target], settings)
    theirs = loss_of(mask2former, 50)
    matcher = mask2former.Mask2FormerHungarianMatcher(2.0, 5.0, 5.0, num_points=50)
    theirs.matcher = matcher
    torch.manual_seed(7)
    expected = theirs(mask_logits, class_logits, [masks.float()], [labels])
    torch.testing.assert_close(ours["class"], 2 * expected["loss_cross_entropy"])
    torch.testing.assert_close(ours["mask"], 5 * expected["loss_mask"])
    torch.testing.assert_close(ours["dice"], 5 * expected["loss_dice"])


def test_most_points_lie_where_the_prediction_is_unsure():
    logits = torch.full((1, 20, 20), 9.0)
    logits[:, :, 9:11] = 0  # a tenth of the picture
    points = unsure_points(logits, 400, torch.Generator().manual_seed(0))
    near = ((points[..., 0] > 0.4) & (points[..., 0] < 0.6)).float().mean()
    assert points.shape == (1, 400, 2) and 0.5 < near < 0.95
    assert points.min() >= 0 and points.max() <= 1


def test_equal_generators_give_equal_points_and_others_do_not():
    logits = drawn(3, 8, 8)
    first, again, other = (
        unsure_points(logits, 16, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert first.equal(again) and not first.equal(other)


def test_an_image_without_segments_has_no_points():
    target = SegmentTargets(
        torch.zeros(0, dtype=torch.int64), torch.zeros(0, 8, 8), torch.full((8, 8), -1)
    )
    settings = SegmentationTraining(points=16)
    queries, _, logits, masks, *_ = matched_masks(
        drawn(5, 4), drawn(5, 8, 8), target, settings, None
    )
    assert queries.shape == (0,) and logits.shape == masks.shape == (0, 16)
    losses = set_loss(drawn(1, 5, 4), drawn(1, 5, 8, 8), [target], settings)
    assert losses["mask"] == losses["dice"] == 0 and losses["class"] > 0


def test_sampled_losses_are_close_to_those_of_whole_masks_for_random_predictions():
    """With predictions equally unsure everywhere, points are a fair sample."""
    masks = torch.zeros(2, 32, 32)
    masks[0, :16], masks[1, 16:] = 1, 1
    target = SegmentTargets(torch.tensor([0, 1]), masks, torch.full((32, 32), -1))
    class_logits, mask_logits = drawn(1, 2, 4), torch.zeros(1, 2, 32, 32)
    mask_logits[:, 0] += 0.5
    whole = set_loss(class_logits, mask_logits, [target], SegmentationTraining())
    some = set_loss(class_logits, mask_logits, [target], SegmentationTraining(points=2000))
    assert float(some["mask"]) == pytest.approx(float(whole["mask"]), rel=0.05)
