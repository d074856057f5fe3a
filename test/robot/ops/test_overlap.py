# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap ratios against averaging binary masks."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.overlap import overlap_ratios


def averaged(label_map, num_segments, input_hw, grid_hw, cell_px):
    """One padded binary mask per segment, averaged cell by cell."""
    ratios = np.zeros((num_segments, *grid_hw), np.float64)
    for segment in range(num_segments):
        mask = np.zeros(input_hw)
        mask[: label_map.shape[0], : label_map.shape[1]] = label_map == segment
        for row in range(grid_hw[0]):
            for col in range(grid_hw[1]):
                top, left = row * cell_px[0], col * cell_px[1]
                cell = mask[top : top + cell_px[0], left : left + cell_px[1]]
                ratios[segment, row, col] = cell.mean()
    return ratios.reshape(num_segments, -1)


@pytest.mark.parametrize(
    ("input_hw", "grid_hw", "cell_px", "content_hw"),
    [
        ((640, 640), (13, 13), (48, 48), (640, 640)),  # 16 px on the right and below unused
        ((640, 640), (13, 13), (48, 48), (480, 640)),
        ((640, 640), (13, 13), (48, 48), (640, 61)),
        ((64, 96), (4, 6), (16, 16), (37, 96)),
        ((64, 96), (4, 2), (16, 48), (64, 50)),
    ],
)
def test_ratios_equal_the_mean_of_binary_masks(input_hw, grid_hw, cell_px, content_hw):
    rng = np.random.default_rng(0)
    blocks = rng.integers(-1, 5, (-(-content_hw[0] // 7), -(-content_hw[1] // 7)))
    label_map = blocks.repeat(7, axis=0).repeat(7, axis=1)[: content_hw[0], : content_hw[1]]
    label_map = label_map.astype(np.int32)
    found = overlap_ratios(label_map, 1, 5, grid_hw, cell_px)
    assert found.dtype == np.float32 and found.shape == (5, grid_hw[0] * grid_hw[1])
    expected = averaged(label_map, 5, input_hw, grid_hw, cell_px)
    assert found.max() > 0.2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell_px", [(48, 48), (40, 44), (42, 42)])
def test_ratios_of_the_mask_grid_equal_those_of_the_map_enlarged_by_its_stride(cell_px):
    # 42 px are not a whole number of grid elements.
    rng = np.random.default_rng(1)
    grid = rng.integers(-1, 3, (120, 160)).astype(np.int32)
    found = overlap_ratios(grid, 4, 3, (13, 13), cell_px)
    enlarged = grid.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(found, overlap_ratios(enlarged, 1, 3, (13, 13), cell_px))
    expected = averaged(enlarged, 3, (640, 640), (13, 13), cell_px)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_segments", [0, 2])
def test_a_void_map_covers_nothing(num_segments):
    void = np.full((64, 96), -1, np.int32)
    ratios = overlap_ratios(void, 1, num_segments, (4, 6), (16, 16))
    assert ratios.shape == (num_segments, 24) and not ratios.any()
