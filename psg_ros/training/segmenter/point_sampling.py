# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks compared at points instead of everywhere, most of them where the prediction is unsure.

Source: PointRend (Kirillov et al., 2020) as in Mask2Former (Cheng et al., 2022). Points are (x, y)
in 0..1 of the picture, so predictions and true masks may have different sizes.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

OVERSAMPLE = 3  # Mask2Former
IMPORTANCE = 0.75  # Mask2Former: share of the points that are chosen for being unsure


def at_points(
    masks: Float[Tensor, "mask h w"], points: Float[Tensor, "point 2"]
) -> Float[Tensor, "mask point"]:
    """Return all masks at the same points, interpolated bilinearly; outside of a mask is 0."""
    grid = 2 * points[None, :, None] - 1
    return functional.grid_sample(masks[None], grid, align_corners=False)[0, :, :, 0]


def at_own_points(
    masks: Float[Tensor, "mask h w"], points: Float[Tensor, "mask point 2"]
) -> Float[Tensor, "mask point"]:
    """Return every mask at its own points, interpolated bilinearly; outside of a mask is 0."""
    grid = 2 * points[:, :, None] - 1
    return functional.grid_sample(masks[:, None], grid, align_corners=False)[:, 0, :, 0]


@torch.no_grad()
def unsure_points(
    logits: Float[Tensor, "mask h w"], count: int, generator: torch.Generator | None = None
) -> Float[Tensor, "mask {count} 2"]:
    """Return `count` points a mask: the unsure ones of thrice as many, and some anywhere."""
    num_masks, device = len(logits), logits.device
    shape = (num_masks, OVERSAMPLE * count, 2)
    candidates = torch.rand(shape, generator=generator, device=device)
    sureness = at_own_points(logits, candidates).abs()
    num_unsure = int(IMPORTANCE * count)
    chosen = sureness.topk(num_unsure, dim=1, largest=False).indices
    unsure = candidates.gather(1, chosen[..., None].expand(-1, -1, 2))
    shape = (num_masks, count - num_unsure, 2)
    anywhere = torch.rand(shape, generator=generator, device=device)
    return torch.cat((unsure, anywhere), dim=1)
