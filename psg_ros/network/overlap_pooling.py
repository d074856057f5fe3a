# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap ratios in torch: average pooling of binary masks, once per mask or again for every pair.

Source: DSFlash (CVPR 2026). Pooling each mask once and indexing by pair gives what pooling the
gathered masks of every pair gives; only time and memory differ, so `PER_PAIR` exists to measure
that. The window decides the resolution: 48 px on masks of the network's input, 12 on the raw mask
grid of stride 4. Deployed code reads the ratios from a partition instead, see
`psg_ros.robot.ops.overlap`.
"""

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

PER_MASK, PER_PAIR = "mask", "pair"


def pool_masks(
    masks: Float[Tensor, "segment h w"], window_hw: tuple[int, int], grid_hw: tuple[int, int]
) -> Float[Tensor, "segment cell"]:
    """Return the share of each relation cell under each mask, 0..1, row-major over the grid.

    Args:
        masks: shares 0..1 (binary masks: 0 or 1); zero on padding, which belongs to no segment.
        window_hw: elements of a mask per cell, (vertical, horizontal). What lies right of or below
            the last cell is not used.

    Raises:
        ValueError: the masks do not reach as far as the grid.
    """
    used_hw = tuple(w * n for w, n in zip(window_hw, grid_hw, strict=True))
    if masks.shape[1] < used_hw[0] or masks.shape[2] < used_hw[1]:
        raise ValueError(
            f"masks of {tuple(masks.shape[1:])} do not cover {grid_hw} cells of {window_hw}; "
            "give masks of the whole network input, padding included"
        )
    used = masks[:, None, : used_hw[0], : used_hw[1]]
    if not len(used):
        return masks.new_zeros(0, grid_hw[0] * grid_hw[1])
    return functional.avg_pool2d(used, window_hw).flatten(1)


def pair_overlaps(
    masks: Float[Tensor, "segment h w"],
    pairs: Int[Tensor, "pair 2"],
    window_hw: tuple[int, int],
    grid_hw: tuple[int, int],
    pool_per: str = PER_MASK,
) -> tuple[Float[Tensor, "pair cell"], Float[Tensor, "pair cell"]]:
    """Return the overlap ratios of subjects and of objects.

    Args:
        pool_per: `mask` pools N masks and indexes (DSFlash's Algorithm 2); `pair` gathers and pools
            two masks for each pair (Algorithm 1), the slow way for comparison.

    Raises:
        ValueError: another `pool_per`, or masks smaller than the grid.
    """
    subject, other = pairs.unbind(dim=1)
    if pool_per == PER_MASK:
        ratios = pool_masks(masks, window_hw, grid_hw)
        return ratios[subject], ratios[other]
    if pool_per == PER_PAIR:
        return (
            pool_masks(masks[subject], window_hw, grid_hw),
            pool_masks(masks[other], window_hw, grid_hw),
        )
    raise ValueError(f"pool_per must be {PER_MASK!r} or {PER_PAIR!r}, not {pool_per!r}")
