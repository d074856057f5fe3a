# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""With `ignore_void` nothing is learned from what nobody has labelled; scores weigh the rest."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from psg_ros.training.config import SegmentationTraining
from psg_ros.training.losses import SegmentTargets, Totals, mostly_void, semantic_loss, set_loss
from psg_ros.training.segmenter.augmentation import VOID_BYTE, Sample
from psg_ros.training.segmenter.batches import Grids, targets_of
from psg_ros.training.segmenter.matcher import match

STRICT = SegmentationTraining()
IGNORING = SegmentationTraining(ignore_void=True)
SURE = 30.0


def half_labelled(scores: torch.Tensor | None = None) -> SegmentTargets:
    """Segment 0 on the left quarter, segment 1 on the second; the right half is void."""
    masks = torch.zeros(2, 4, 8)
    masks[0, :, :2], masks[1, :, 2:4] = 1, 1
    semantic = torch.full((4, 8), -1)
    semantic[:, :2], semantic[:, 2:4] = 0, 1
    cell_scores = None if scores is None else scores[semantic.clamp(min=0)]
    return SegmentTargets(torch.tensor([0, 1]), masks, semantic, scores, cell_scores)


def said(right_half: float, third_query: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Both segments are found; query 0 says `right_half` about void, query 2 lies there alone."""
    classes = torch.full((1, 3, 3), -SURE)
    classes[0, [0, 1, 2], [0, 1, third_query]] = SURE
    masks = torch.full((1, 3, 4, 8), -SURE)
    masks[0, 0, :, :2], masks[0, 1, :, 2:4], masks[0, 2, :, 4:] = SURE, SURE, SURE
    masks[0, 0, :, 4:] = right_half
    return classes, masks


def test_a_mask_may_reach_into_void():
    strict = set_loss(*said(SURE), [half_labelled()], STRICT)
    ignoring = set_loss(*said(SURE), [half_labelled()], IGNORING)
    assert strict["mask"] > 1 and strict["dice"] > 0.1
    assert ignoring["mask"] == pytest.approx(0, abs=1e-4)
    assert ignoring["dice"] == pytest.approx(0, abs=1e-4)


def test_void_gives_masks_no_gradient():
    classes, masks = said(0.3)
    masks.requires_grad_()
    sum(set_loss(classes, masks, [half_labelled()], IGNORING).values()).backward()
    assert masks.grad[0, :, :, 4:].abs().max() == 0


def test_a_query_on_void_is_not_taught_to_be_nothing():
    classes, masks = said(-SURE, third_query=0)
    assert set_loss(classes, masks, [half_labelled()], STRICT)["class"] > 0.1
    assert set_loss(classes, masks, [half_labelled()], IGNORING)["class"] == pytest.approx(0)


def test_a_second_query_on_a_labelled_segment_is_taught_to_be_nothing():
    classes, masks = said(-SURE, third_query=0)
    masks[0, 2] = masks[0, 0]
    assert set_loss(classes, masks, [half_labelled()], IGNORING)["class"] > 0.1


def test_an_empty_mask_lies_nowhere():
    masks = torch.full((2, 4, 8), -SURE)
    masks[1, :, 3:] = SURE  # 4 cells wide on void, 1 on a segment
    assert mostly_void(masks, half_labelled()).tolist() == [False, True]


def test_without_void_both_rules_are_the_same():
    generator = torch.Generator().manual_seed(0)
    classes = torch.randn(1, 3, 3, generator=generator)
    masks = torch.randn(1, 3, 4, 8, generator=generator)
    whole = half_labelled()
    whole.masks[1, :, 4:] = 1
    for points in (0, 16):
        losses = [
            set_loss(
                classes, masks, [whole], replace(config, points=points),
                generators=[torch.Generator().manual_seed(1)],
            )
            for config in (STRICT, IGNORING)
        ]  # fmt: skip
        for name, value in losses[0].items():
            torch.testing.assert_close(losses[1][name], value)


def test_matching_does_not_look_at_void():
    classes = torch.zeros(2, 3)
    masks = torch.full((2, 32), -1.0).view(2, 4, 8)
    masks[0, :, :2] = 2.0  # all of segment 0, and then all of void
    masks[0, :, 4:] = 9.0
    masks[1, :, :1] = 2.0  # half of it
    target = half_labelled()
    one = (target.labels[:1], target.masks[:1].flatten(1))
    known = target.masks.sum(0).flatten()[None]
    assert match(classes, masks.flatten(1), *one, STRICT)[0].tolist() == [1]
    assert match(classes, masks.flatten(1), *one, IGNORING, known)[0].tolist() == [0]


def test_doubtful_labels_weigh_less():
    classes, masks = said(-SURE)
    classes[0, 0, 0], masks[0, 0] = -SURE, 0.0  # segment 0 is missed
    sure = set_loss(classes, masks, [half_labelled(torch.tensor([1.0, 1.0]))], IGNORING)
    doubted = set_loss(classes, masks, [half_labelled(torch.tensor([0.25, 1.0]))], IGNORING)
    for name in ("class", "mask", "dice"):
        torch.testing.assert_close(doubted[name], 0.25 * sure[name], rtol=1e-3, atol=1e-4)


def test_doubtful_cells_weigh_less():
    logits = torch.zeros(1, 2, 4, 8)
    totals = Totals(matches=2, class_weight=2, cells=16)
    sure = semantic_loss(logits, [half_labelled()], totals)
    doubted = semantic_loss(logits, [half_labelled(torch.tensor([0.0, 0.5]))], totals)
    assert doubted == pytest.approx(sure / 4)


def test_targets_carry_the_scores_of_the_segments_that_are_kept():
    segments = np.full((8, 8), VOID_BYTE, np.uint8)
    segments[:, :4], segments[0, 7], segments[4:, 4:] = 0, 1, 2
    sample = Sample(segments, segments, np.array([5, 6, 7]), "a", np.float32([0.5, 1, 0.75]))
    target = targets_of(sample, (8, 8), Grids(4, min_segment_px=4))
    assert target.labels.tolist() == [5, 7] and target.scores.tolist() == [0.5, 0.75]
    assert target.cell_scores[target.semantic == 5].tolist() == [0.5, 0.5]
    assert target.cell_scores[target.semantic == 7].tolist() == [0.75]
