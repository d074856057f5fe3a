# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of both stages.

Stage 1: Mask2Former's set loss after every query block (EoMT). Stage 2: DSFlash's binary cross
entropy with swap consistency (its equation 7).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from psg_ros.training.config import SegmentationTraining
from psg_ros.training.matcher import match


@dataclass(frozen=True)
class SegmentTargets:
    """Truth of one image for stage 1.

    Attributes:
        labels: int64 [segment].
        masks: share of each mask cell that the segment covers, [segment, h, w].
        semantic: int64 [h, w], label of each mask cell, -1 for void.
    """

    labels: Tensor
    masks: Tensor
    semantic: Tensor

    def to(self, device: str) -> "SegmentTargets":
        return SegmentTargets(
            self.labels.to(device), self.masks.to(device), self.semantic.to(device)
        )


def set_loss(
    class_logits: Float[Tensor, "batch query column"],
    mask_logits: Float[Tensor, "batch query h w"],
    targets: list[SegmentTargets],
    config: SegmentationTraining,
) -> dict[str, Tensor]:
    """Return the weighted class, mask and dice loss of one set of predictions.

    Raises:
        FloatingPointError: predictions that are not finite.
    """
    no_object = class_logits.shape[-1] - 1
    wanted = torch.full(class_logits.shape[:2], no_object, device=class_logits.device)
    chosen, true = [], []
    for index, target in enumerate(targets):
        masks = resize_masks(target.masks, mask_logits.shape[2:])
        flat = mask_logits[index].flatten(1)
        queries, segments = match(class_logits[index], flat, target.labels, masks, config)
        wanted[index, queries] = target.labels[segments]
        chosen.append(flat[queries])
        true.append(masks[segments])
    logits, masks = torch.cat(chosen).float(), torch.cat(true)
    count = max(len(masks), 1)
    weights = torch.ones(no_object + 1, device=logits.device)
    weights[no_object] = config.no_object_weight
    class_loss = functional.cross_entropy(
        class_logits.float().flatten(0, 1), wanted.flatten(), weights
    )
    mask_loss = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    return {
        "class": config.class_weight * class_loss,
        "mask": config.mask_weight * mask_loss.mean(-1).sum() / count,
        "dice": config.dice_weight * dice_loss(logits, masks).sum() / count,
    }


def resize_masks(masks: Float[Tensor, "n h w"], size_hw: torch.Size) -> Float[Tensor, "n point"]:
    """Return the masks averaged onto a coarser grid, flattened."""
    if masks.shape[1:] != size_hw:
        masks = functional.adaptive_avg_pool2d(masks, (size_hw[0], size_hw[1]))
    return masks.flatten(1)


def dice_loss(
    logits: Float[Tensor, "match point"], masks: Float[Tensor, "match point"]
) -> Float[Tensor, " match"]:
    """Return 1 - dice (with Mask2Former's +1) of every prediction with its own segment."""
    probs = logits.sigmoid()
    return 1 - (2 * (probs * masks).sum(-1) + 1) / (probs.sum(-1) + masks.sum(-1) + 1)


def relation_targets(
    triplets: Int[Tensor, "triplet 3"], pairs: Int[Tensor, "pair 2"], num_predicates: int
) -> Float[Tensor, "pair column"]:
    """Return multi-hot targets of directed pairs; column 0 is 1 where nothing is annotated.

    An unannotated reverse of an annotated pair therefore counts as «no relation».
    """
    targets = torch.zeros(len(pairs), num_predicates + 1)
    same = (pairs[:, None] == triplets[None, :, :2]).all(-1)
    pair_index, triplet_index = same.nonzero(as_tuple=True)
    targets[pair_index, triplets[triplet_index, 2] + 1] = 1
    targets[:, 0] = (targets[:, 1:].sum(-1) == 0).float()
    return targets


def consistency_loss(
    parts: tuple[Tensor, Tensor], swapped_parts: tuple[Tensor, Tensor]
) -> Float[Tensor, ""]:
    """Return DSFlash's equation 7: swapping the masks must swap the two halves."""
    forward_part, backward_part = parts
    swapped_forward, swapped_backward = swapped_parts
    return functional.mse_loss(forward_part, swapped_backward) + functional.mse_loss(
        backward_part, swapped_forward
    )
