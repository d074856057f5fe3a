# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Part of a mask at the size on which masks compete, without computing the rest of it.

Bilinear enlargement looks at the next cell only, so a window of the result needs a window of the
input. A resize of such a part gives the same pixels as the whole one if the part begins where
samples of input and output line up: every `out / gcd(in, out)` px.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.reach import Window
from psg_ros.robot.ops.scratch import Scratch


def contest_hw(placement: Placement, stride: int, resolution: str) -> tuple[int, int]:
    """Return (height, width) of the map on which masks compete.

    Args:
        stride: px of the network input per cell of the masks.
        resolution: "mask", "input" or "image"; see `psg_ros.robot.ops.panoptic.merge`.
    """
    height, width = placement.content_hw
    if resolution == "mask":
        return -(-height // stride), -(-width // stride)
    return placement.image_hw if resolution == "image" else placement.content_hw


def enlarge(
    grid: np.ndarray,
    window: Window,
    placement: Placement,
    stride: int,
    resolution: str,
    scratch: Scratch,
) -> np.ndarray:
    """Return a window of one mask at the size of `contest_hw`.

    Args:
        grid: float32 [h, w]; logits over the whole network input.
        window: rows and columns of the result that are wanted; not empty.

    Returns:
        float32 [rows, columns] of the window, in `scratch` until the next call.
    """
    if resolution == "mask":
        return grid[window]
    content_hw, image_hw = placement.content_hw, placement.image_hw
    if resolution == "input" or content_hw == image_hw:
        return _from_cells(grid, window, content_hw, stride, scratch)
    rows, cols = (
        _aligned(part, size // (common := math.gcd(size, out)), out // common, out)
        for part, size, out in zip(window, content_hw, image_hw, strict=True)
    )
    small = _from_cells(grid, (rows[0], cols[0]), content_hw, stride, scratch)
    return _resize_part(small, (rows[1], cols[1]), window, scratch, "at image size")


def _from_cells(
    grid: np.ndarray, window: Window, content_hw: tuple[int, int], stride: int, scratch: Scratch
) -> np.ndarray:
    """Return a window of the content at the size of the network input."""
    # One cell beyond the content takes part in its interpolation.
    rows, cols = (
        _aligned(part, 1, stride, min(-(-size // stride) + 1, cells) * stride)
        for part, size, cells in zip(window, content_hw, grid.shape, strict=True)
    )
    part = grid[rows[0], cols[0]]
    return _resize_part(part, (rows[1], cols[1]), window, scratch, "at input size")


def _aligned(part: slice, step_in: int, step_out: int, size: int) -> tuple[slice, slice]:
    """Return the input and the output around a part of an axis, both in whole steps.

    They reach one step farther than the part, so that its own border is interpolated from both
    sides, except where the axis ends.
    """
    first = max(part.start // step_out - 1, 0)
    last = min(-(-part.stop // step_out) + 1, size // step_out)
    return slice(first * step_in, last * step_in), slice(first * step_out, last * step_out)


def _resize_part(
    source: np.ndarray, covered: Window, wanted: Window, scratch: Scratch, name: str
) -> np.ndarray:
    """Resize `source` to the `covered` window and return the `wanted` one out of it."""
    shape = (covered[0].stop - covered[0].start, covered[1].stop - covered[1].start)
    out = scratch.take_part(name, shape, np.float32)
    # Pixel centres are aligned as in torch with align_corners=False.
    cv2.resize(source, shape[::-1], dst=out, interpolation=cv2.INTER_LINEAR)
    rows, cols = (
        slice(inner.start - outer.start, inner.stop - outer.start)
        for inner, outer in zip(wanted, covered, strict=True)
    )
    return out[rows, cols]
