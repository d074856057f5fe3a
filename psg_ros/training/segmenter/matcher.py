# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Set matching: which query answers for which segment.

Source: DETR (Carion et al., 2020) with Mask2Former's costs: class 2, mask cross entropy 5, dice 5.
"""

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from psg_ros.training.config import SegmentationTraining


@torch.no_grad()
def match(
    class_logits: Float[Tensor, "query column"] | None,
    mask_logits: Float[Tensor, "query point"],
    labels: Int[Tensor, " segment"],
    masks: Float[Tensor, "segment point"],
    config: SegmentationTraining,
    known: Float[Tensor, "1 point"] | None = None,
) -> tuple[Int[Tensor, " match"], Int[Tensor, " match"]]:
    """Return query and segment indices of the cheapest one-to-one assignment of one image.

    Masks are shares in 0..1. An image without segments gives two empty tensors; segments beyond the
    number of queries stay without one.

    Args:
        class_logits: None: masks alone decide.
        known: share of each point that is not void, which alone counts; None: all of it.

    Raises:
        FloatingPointError: predictions that are not finite.
    """
    cost = config.mask_weight * cross_entropy_cost(mask_logits.float(), masks, known)
    cost = cost + config.dice_weight * dice_cost(mask_logits.float(), masks, known)
    if class_logits is not None:
        cost = cost - config.class_weight * class_logits.float().softmax(-1)[:, labels]
    if not torch.isfinite(cost).all():
        raise FloatingPointError("the network's predictions are not finite")
    queries, segments = linear_sum_assignment(cost.cpu().numpy())
    device = mask_logits.device
    return torch.as_tensor(queries, device=device), torch.as_tensor(segments, device=device)


def cross_entropy_cost(
    logits: Float[Tensor, "query point"],
    masks: Float[Tensor, "segment point"],
    known: Float[Tensor, "1 point"] | None = None,
) -> Float[Tensor, "query segment"]:
    """Return the mean binary cross entropy of every query with every segment."""
    # BCE(x, t) = softplus(x) - t x, so only one product is needed.
    empty = functional.softplus(logits)
    if known is not None:
        empty = empty * known
    size = logits.shape[1] if known is None else known.sum().clamp(min=1)
    return (empty.sum(-1)[:, None] - logits @ masks.T) / size


def dice_cost(
    logits: Float[Tensor, "query point"],
    masks: Float[Tensor, "segment point"],
    known: Float[Tensor, "1 point"] | None = None,
) -> Float[Tensor, "query segment"]:
    """Return 1 - dice (with Mask2Former's +1) of every query with every segment."""
    probs = logits.sigmoid() if known is None else logits.sigmoid() * known
    total = probs.sum(-1)[:, None] + masks.sum(-1)[None]
    return 1 - (2 * probs @ masks.T + 1) / (total + 1)
