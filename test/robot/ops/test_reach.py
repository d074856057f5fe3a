# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Windows save work and change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.enlarge import contest_hw, enlarge
from psg_ros.robot.ops.image import place
from psg_ros.robot.ops.panoptic import compete
from psg_ros.robot.ops.reach import is_empty, reach
from psg_ros.robot.ops.scratch import Scratch

INPUT_HW, STRIDE = (64, 96), 4
GRID_HW = (INPUT_HW[0] // STRIDE, INPUT_HW[1] // STRIDE)


def hills(
    centers: list[tuple[int, int]], height: float = 8.0, grid_hw: tuple[int, int] = GRID_HW
) -> np.ndarray:
    """One round mask around each cell."""
    y, x = np.mgrid[: grid_hw[0], : grid_hw[1]]
    return np.float32([height - 3 * np.hypot(y - row, x - col) for row, col in centers])


def test_each_window_holds_its_own_mask_and_little_else():
    large_hw = (320, 320)
    masks = hills([(20, 20), (20, 60), (60, 20), (60, 60)], grid_hw=(80, 80))
    windows = reach(masks, np.ones(4, np.float32), large_hw, STRIDE, large_hw)
    for (rows, cols), mask in zip(windows, masks, strict=True):
        everywhere = (slice(0, 320), slice(0, 320))
        placement = place(large_hw, large_hw)
        outside = enlarge(mask, everywhere, placement, STRIDE, "input", Scratch()).copy()
        outside[rows, cols] = -1
        assert (outside < 0).all()
        assert (rows.stop - rows.start) * (cols.stop - cols.start) < 0.4 * outside.size


def test_what_neither_wins_nor_lies_anywhere_has_no_window():
    masks = hills([(8, 8), (8, 8)])
    masks[1] -= 20
    windows = reach(masks, np.ones(2, np.float32), INPUT_HW, STRIDE, INPUT_HW)
    assert [is_empty(window) for window in windows] == [False, True]


def test_no_queries_no_windows():
    nothing = np.zeros((0, *GRID_HW), np.float32)
    assert reach(nothing, np.zeros(0, np.float32), INPUT_HW, STRIDE, INPUT_HW) == []


@pytest.mark.parametrize("noise", [0.0, 0.5, 4.0])
@pytest.mark.parametrize(
    "image_hw", [(64, 96), (48, 64), (37, 111), (200, 150), (20, 31), (9, 96), (640, 960)]
)
def test_winners_and_areas_are_the_same_with_and_without(image_hw, noise):
    placement = place(image_hw, INPUT_HW)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        centers = rng.integers(0, GRID_HW, (9, 2)).tolist()
        masks = hills(centers, rng.uniform(-2, 20)) + rng.normal(0, noise, (9, *GRID_HW))
        masks, scores = masks.astype(np.float32), rng.uniform(0.1, 1, 9).astype(np.float32)
        for resolution in ("image", "input"):
            height, width = shape_hw = contest_hw(placement, STRIDE, resolution)
            everywhere = [(slice(0, height), slice(0, width))] * 9
            windows = reach(masks, scores, placement.content_hw, STRIDE, shape_hw)
            results = []
            for looked_at in (everywhere, windows):
                scratch = Scratch()
                large = (
                    enlarge(mask, window, placement, STRIDE, resolution, scratch)
                    for mask, window in zip(masks, looked_at, strict=True)
                )
                results.append(compete(large, scores, looked_at, shape_hw, scratch))
            for whole, part in zip(*results, strict=True):
                np.testing.assert_array_equal(part, whole)
