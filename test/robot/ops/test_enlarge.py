# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A window of an enlarged mask is that window of the whole enlarged mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from psg_ros.robot.ops.enlarge import contest_hw, enlarge
from psg_ros.robot.ops.image import place
from psg_ros.robot.ops.scratch import Scratch

INPUT_HW, STRIDE = (64, 96), 4
IMAGES = [(64, 96), (48, 64), (37, 111), (200, 150), (20, 31), (9, 96), (640, 960), (1080, 1920)]


def whole(grid: np.ndarray, image_hw: tuple[int, int], resolution: str) -> np.ndarray:
    """The rule in two lines: to the input, cut the content out, to the image."""
    height, width = place(image_hw, INPUT_HW).content_hw
    large = cv2.resize(grid, INPUT_HW[::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
    return large if resolution == "input" else cv2.resize(large, image_hw[::-1])


@pytest.mark.parametrize("image_hw", IMAGES)
@pytest.mark.parametrize("resolution", ["input", "image"])
def test_any_window_equals_the_whole(image_hw, resolution):
    rng = np.random.default_rng(0)
    grid = rng.normal(0, 5, (INPUT_HW[0] // STRIDE, INPUT_HW[1] // STRIDE)).astype(np.float32)
    placement, scratch = place(image_hw, INPUT_HW), Scratch()
    size_hw = contest_hw(placement, STRIDE, resolution)
    expected = whole(grid, image_hw, resolution)
    assert expected.shape == size_hw
    for _ in range(20):
        window = tuple(
            slice(*sorted(rng.choice(size + 1, 2, replace=False).tolist())) for size in size_hw
        )
        part = enlarge(grid, window, placement, STRIDE, resolution, scratch)
        np.testing.assert_allclose(part, expected[window], atol=2e-3)


def test_the_raw_grid_is_only_cut():
    grid = np.arange(16 * 24, dtype=np.float32).reshape(16, 24)
    window = (slice(2, 5), slice(1, 9))
    part = enlarge(grid, window, place((64, 96), INPUT_HW), STRIDE, "mask", Scratch())
    np.testing.assert_array_equal(part, grid[2:5, 1:9])
