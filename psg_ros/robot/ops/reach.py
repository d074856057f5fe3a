# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a query's mask can matter: the window outside of which it neither wins nor lies.

Enlarging a mask only averages neighbouring cells, so the cells around a pixel bound its logit.
Where even the upper bound of a query loses against the lower bound of another, nothing has to be
computed for it. The windows change how much is computed, never the result.
"""

from __future__ import annotations

import cv2
import numpy as np

Window = tuple[slice, slice]
"""Rows and columns."""

_NEIGHBOURS = np.ones((5, 5), np.uint8)
"""Two enlargements, one after the other, look at no cell farther away than two."""
_SLACK = 1e-4
"""Room for rounding between the bounds and what is computed later."""


def reach(
    mask_logits: np.ndarray,
    scores: np.ndarray,
    content_hw: tuple[int, int],
    stride: int,
    out_hw: tuple[int, int],
) -> list[Window]:
    """Return for every query the part of the enlarged map in which it can matter.

    A query matters where it may win (highest score * sigmoid(logit)) and where its logit may be 0
    or more.

    Args:
        mask_logits: float32 [query, h, w] over the whole network input.
        scores: float32 [query].
        content_hw: px of the network input that the image fills, from its top-left corner.
        stride: px of the network input per cell of the masks.
        out_hw: what the content is enlarged (or shrunk) to.
    """
    if not len(mask_logits):
        return []
    cells_hw = (content_hw[0] / stride, content_hw[1] / stride)
    rows, cols = (int(np.ceil(cells)) + 1 for cells in cells_hw)
    grids = mask_logits[:, :rows, :cols]
    highest = np.stack([cv2.dilate(grid, _NEIGHBOURS) for grid in grids])
    lowest = np.stack([cv2.erode(grid, _NEIGHBOURS) for grid in grids])
    at_most, at_least = (_values(logits, scores) for logits in (highest, lowest))
    matters = (at_most >= at_least.max(axis=0) * (1 - _SLACK)) | (highest > -_SLACK)
    return [
        (
            _stretch(cells.any(axis=1), cells_hw[0] / out_hw[0], out_hw[0]),
            _stretch(cells.any(axis=0), cells_hw[1] / out_hw[1], out_hw[1]),
        )
        for cells in matters
    ]


def is_empty(window: Window) -> bool:
    """Say whether a window has no rows or no columns."""
    return any(part.start >= part.stop for part in window)


def _values(logits: np.ndarray, scores: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # exp becomes infinite, which gives the right 0
        return scores[:, None, None] / (1 + np.exp(-logits))


def _stretch(cells: np.ndarray, cells_per_px: float, size: int) -> slice:
    """Return the pixels over the marked cells, from the first to the last, and two more a side."""
    marked = np.flatnonzero(cells)
    if not len(marked):
        return slice(0, 0)
    first, last = int(marked[0] / cells_per_px) - 2, int((marked[-1] + 1) / cells_per_px) + 3
    return slice(min(max(first, 0), size), min(last, size))
