# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlap ratios: which share of each cell of the relation stage a segment covers.

Equals average pooling of one binary mask per segment (DSFlash, "mask embedding"), but reads the
partition once instead of once per segment.
"""

from __future__ import annotations

import numpy as np

from psg_ros.robot.ops.runs import find_runs


def overlap_ratios(
    content_map: np.ndarray,
    stride: int,
    num_segments: int,
    grid_hw: tuple[int, int],
    cell_px: tuple[int, int],
) -> np.ndarray:
    """Return float32 [segment, cell], row-major over `grid_hw`, values 0..1.

    Args:
        content_map: int32 [h, w] of segment indices or VOID, from the top-left corner of the
            network input; what it does not reach is padding and belongs to no segment.
        stride: network-input px per element of the map.
        grid_hw: number of cells; px right of or below the last whole cell are not used.
        cell_px: network-input px per cell, (vertical, horizontal).
    """
    if any(size % stride for size in cell_px):
        content_map = content_map.repeat(stride, axis=0).repeat(stride, axis=1)
        stride = 1
    cell_h, cell_w = (size // stride for size in cell_px)
    grid_h, grid_w = grid_hw
    used = content_map[: grid_h * cell_h, : grid_w * cell_w]
    runs = find_runs(used, cut_every=cell_w)
    cells = runs.row // cell_h * grid_w + runs.left // cell_w
    bins = runs.segment * (grid_h * grid_w) + cells
    areas = np.bincount(bins, runs.right - runs.left, num_segments * grid_h * grid_w)
    ratios = areas.reshape(num_segments, grid_h * grid_w) / (cell_h * cell_w)
    return ratios.astype(np.float32)
