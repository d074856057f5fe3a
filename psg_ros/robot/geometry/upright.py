# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a camera that hangs on its side or upside down, turned so that up is up."""

from __future__ import annotations

import math

import numpy as np

# A camera that looks more steeply down or up than this has no side that is up (our choice).
STEEPEST_DEG = 70.0


def quarter_turns(up: tuple[float, float, float]) -> int:
    """Return how often an image must be turned counterclockwise by 90 degrees to stand upright.

    Args:
        up: direction against gravity in the optical frame: right, down, away; of any length.
    """
    right, down, away = up
    if abs(away) > math.hypot(right, down) * math.tan(math.radians(STEEPEST_DEG)):
        return 0
    return round(math.atan2(right, -down) / (math.pi / 2)) % 4


def turn_boxes(boxes_xyxy: np.ndarray, image_hw: tuple[int, int], turns: int) -> np.ndarray:
    """Return boxes [box, 4] of an image where they are after `turns` of `quarter_turns`."""
    height, width = image_hw
    for _ in range(turns):
        left, top, right, bottom = boxes_xyxy.T
        boxes_xyxy = np.stack([top, width - right, bottom, width - left], axis=1)
        height, width = width, height
    return boxes_xyxy
