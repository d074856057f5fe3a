# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A label map as horizontal runs of equal pixels.

A map of two million pixels has some ten thousand runs, and finding them is one comparison per
pixel: whatever is summed per segment is summed over runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Runs(NamedTuple):
    """int64 [run] each, without void: segment index, row, first column, column after the last."""

    segment: np.ndarray
    row: np.ndarray
    left: np.ndarray
    right: np.ndarray


def find_runs(label_map: np.ndarray, cut_every: int = 0) -> Runs:
    """Return the runs of an int32 [height, width] label map, row by row (void is -1).

    Args:
        cut_every: also end runs before each column that is a multiple of this; 0 for none.
    """
    height, width = label_map.shape
    begins = np.empty((height, width), bool)
    begins[:, :1] = True
    np.not_equal(label_map[:, 1:], label_map[:, :-1], out=begins[:, 1:])
    if cut_every:
        begins[:, ::cut_every] = True
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], height * width)
    row, left = np.divmod(starts, width)
    segment = label_map[row, left].astype(np.int64)
    filled = segment >= 0
    runs = (segment, row, left, left + ends - starts)
    return Runs(*(values[filled] for values in runs))
