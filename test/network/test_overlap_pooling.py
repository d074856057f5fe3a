# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap ratios by pooling: per mask or per pair, raw or full resolution, torch or numpy."""

import numpy as np
import pytest
import torch

from psg_ros.network.overlap_pooling import PER_MASK, PER_PAIR, pair_overlaps, pool_masks
from psg_ros.robot.ops.overlap import overlap_ratios

GRID_HW = (13, 13)
FULL, RAW = (48, 48), (12, 12)
STRIDE = 4


def smooth_masks(num_masks: int, size: int, seed: int = 0) -> torch.Tensor:
    """Return binary masks [segment, size, size] of discs, some cut off by the border."""
    rng = np.random.default_rng(seed)
    center = rng.uniform(0, 1, (2, num_masks, 1, 1))
    radius = rng.uniform(0.05, 0.4, (num_masks, 1, 1))
    row, column = (np.mgrid[:size, :size] + 0.5) / size
    inside = np.hypot(row - center[0], column - center[1]) < radius
    return torch.from_numpy(inside.astype(np.float32))


def all_pairs(num_masks: int) -> torch.Tensor:
    return torch.triu_indices(num_masks, num_masks, offset=1).T


@pytest.mark.parametrize("num_masks", [0, 1, 2, 9, 60])
def test_pooling_once_per_mask_gives_what_pooling_per_pair_gives(num_masks):
    masks, pairs = smooth_masks(num_masks, 160), all_pairs(num_masks)
    once = pair_overlaps(masks, pairs, RAW, GRID_HW, PER_MASK)
    slow = pair_overlaps(masks, pairs, RAW, GRID_HW, PER_PAIR)
    for ours, expected in zip(once, slow, strict=True):
        assert ours.shape == (num_masks * (num_masks - 1) // 2, 169)
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("num_masks", [0, 1, 2, 60])
def test_partition_gives_the_ratios_of_the_deployed_code(num_masks):
    """160 elements hold 13 windows of 12; the last four rows and columns are unused."""
    rng = np.random.default_rng(0)
    label_map = np.full((160, 160), -1, np.int32)
    for mask in range(num_masks):
        top, left = rng.integers(0, 150, 2)
        label_map[top : top + rng.integers(5, 80), left : left + rng.integers(5, 80)] = mask
    masks = torch.from_numpy(label_map == np.arange(num_masks)[:, None, None]).float()
    expected = overlap_ratios(label_map, STRIDE, num_masks, GRID_HW, FULL)
    np.testing.assert_allclose(pool_masks(masks, RAW, GRID_HW), expected, atol=1e-6)


def test_raw_resolution_is_exact_where_raw_masks_are_area_averages():
    full = smooth_masks(7, 640)
    raw = torch.nn.functional.avg_pool2d(full, STRIDE)
    torch.testing.assert_close(
        pool_masks(raw, RAW, GRID_HW), pool_masks(full, FULL, GRID_HW), atol=1e-6, rtol=0
    )


def test_binary_raw_masks_change_the_ratios_a_little():
    full = pool_masks(smooth_masks(12, 640), FULL, GRID_HW)
    raw = pool_masks(smooth_masks(12, 160), RAW, GRID_HW)
    difference = (full - raw).abs()
    assert 0 < difference.max() < 0.1
    assert difference.mean() < 0.005


def test_mask_over_everything_fills_every_cell():
    ratios = pool_masks(torch.ones(1, 160, 160), RAW, GRID_HW)
    assert torch.equal(ratios, torch.ones(1, 169))


def test_unused_margin_counts_for_nothing():
    masks = torch.zeros(1, 160, 160)
    masks[:, 156:], masks[:, :, 156:] = 1, 1
    assert not pool_masks(masks, RAW, GRID_HW).any()


def test_too_small_masks_and_unknown_ways_are_refused():
    with pytest.raises(ValueError, match="do not cover"):
        pool_masks(torch.ones(1, 155, 160), RAW, GRID_HW)
    with pytest.raises(ValueError, match="pool_per"):
        pair_overlaps(torch.ones(2, 160, 160), all_pairs(2), RAW, GRID_HW, "image")
