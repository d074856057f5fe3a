# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much two boxes share."""

from __future__ import annotations

import numpy as np


def box_iou(first_xyxy: np.ndarray, second_xyxy: np.ndarray) -> np.ndarray:
    """Return the intersection over union of every two boxes, float64 [first, second] in [0, 1].

    Args:
        first_xyxy, second_xyxy: [box, 4] in px; right and bottom exclusive. An empty box has 0
            with every other.
    """
    first, second = (boxes.astype(np.float64) for boxes in (first_xyxy, second_xyxy))
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (bottom_right - top_left).clip(min=0).prod(axis=2)
    union = _area(first)[:, None] + _area(second)[None, :] - shared
    return shared / np.maximum(union, 1)


def _area(boxes_xyxy: np.ndarray) -> np.ndarray:
    return (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
