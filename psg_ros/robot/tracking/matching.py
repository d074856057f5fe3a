# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which segment of one image is which of another, by overlap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psg_ros.robot.ops.runs import find_runs
from psg_ros.scene_graph import Segmentation


def mask_iou(first: Segmentation, second: Segmentation) -> np.ndarray:
    """Return the IoU of every two masks, float64 [segment of first, segment of second]."""
    rows, cols = first.num_segments + 1, second.num_segments + 1
    codes = (first.label_map + 1) * np.int32(cols)
    codes += second.label_map + 1
    runs = find_runs(codes)
    common = np.bincount(runs.segment, runs.right - runs.left, rows * cols).reshape(rows, cols)
    union = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
    return common[1:, 1:] / np.maximum(union[1:, 1:], 1)


def best_pairs(table: np.ndarray, minimum: float) -> Iterator[tuple[int, int]]:
    """Yield (row, column) of the highest values of at least `minimum`, each row and column once."""
    rows, cols = np.nonzero(table >= minimum)
    free_rows, free_cols = set(rows.tolist()), set(cols.tolist())
    for index in np.argsort(-table[rows, cols], kind="stable").tolist():
        row, col = int(rows[index]), int(cols[index])
        if row in free_rows and col in free_cols:
            free_rows.remove(row)
            free_cols.remove(col)
            yield row, col
