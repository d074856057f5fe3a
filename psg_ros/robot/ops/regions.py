# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Area, box, centroid and border contact of all segments of a label map at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.robot.ops.runs import find_runs


@dataclass(frozen=True)
class Regions:
    """Facts of each segment, in px of the label map.

    Attributes:
        area: int64 [segment].
        bbox_xyxy: int32 [segment, 4]; tight, right and bottom exclusive; zeros for no pixels.
        centroid_xy: float64 [segment, 2]; mean pixel index, so 0 is the centre of the first pixel.
        truncated: bool [segment]; touches the border of the map.
    """

    area: np.ndarray
    bbox_xyxy: np.ndarray
    centroid_xy: np.ndarray
    truncated: np.ndarray


def measure_regions(label_map: np.ndarray, num_segments: int) -> Regions:
    """Measure every segment of an int32 [height, width] label map (void is -1)."""
    height, width = label_map.shape
    segment, row, left, right = find_runs(label_map)
    length = right - left

    def total(weights: np.ndarray) -> np.ndarray:
        return np.bincount(segment, weights, num_segments)

    area = total(length)
    middle = (left + right - 1) / 2
    pixels = np.maximum(area, 1)
    centroid = np.stack([total(length * middle) / pixels, total(length * row) / pixels], axis=1)
    left, top, right, bottom = (
        _lowest(edge, segment, num_segments) for edge in (left, row, -right, -row - 1)
    )
    bbox = np.stack([left, top, -right, -bottom], axis=1).astype(np.int32)
    bbox[area == 0] = 0
    truncated = (bbox[:, :2] == 0).any(axis=1) | (bbox[:, 2] == width) | (bbox[:, 3] == height)
    return Regions(area.astype(np.int64), bbox, centroid, truncated & (area > 0))


def _lowest(values: np.ndarray, segment: np.ndarray, num_segments: int) -> np.ndarray:
    lowest = np.full(num_segments, np.iinfo(np.int32).max, np.int64)
    np.minimum.at(lowest, segment, values)
    return lowest
