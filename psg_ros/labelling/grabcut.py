# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GrabCut (Rother et al., SIGGRAPH 2004) by OpenCV: the mask of what a box holds."""

from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np

from psg_ros.labelling.detector import Box

MARGIN = 0.15
"""Share of the box that is looked at around it: what the background is like."""
ROUNDS = 3
LEAST_PX = 10
"""Of foreground and background each; with less there is nothing to learn colours from."""


def cut_out(image_rgb: np.ndarray, box: Box, longest_px: int) -> np.ndarray:
    """Return the mask, bool [height of box, width of box], of what stands out in a box.

    The same call gives the same mask. Where colours tell nothing apart, all of the box.

    Args:
        image_rgb: uint8 [height, width, 3], RGB.
        longest_px: longest side at which it is computed.
    """
    left, top, right, bottom = box.xyxy
    rows = _with_margin(top, bottom, image_rgb.shape[0])
    columns = _with_margin(left, right, image_rgb.shape[1])
    crop = image_rgb[rows, columns]
    scale = min(1.0, longest_px / max(crop.shape[:2]))
    size_wh = [max(1, round(side * scale)) for side in crop.shape[1::-1]]
    small = cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA)
    state = np.full(crop.shape[:2], cv2.GC_BGD, np.uint8)
    state[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] = (
        cv2.GC_PR_FGD
    )
    small_state = cv2.resize(state, size_wh, interpolation=cv2.INTER_NEAREST)
    found = _segment(small, small_state)
    mask = cv2.resize(found, crop.shape[1::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
    return mask[
        top - rows.start : bottom - rows.start, left - columns.start : right - columns.start
    ]


def _with_margin(low: int, high: int, limit: int) -> slice:
    margin = round(MARGIN * (high - low)) + 1
    return slice(max(0, low - margin), min(limit, high + margin))


def _segment(image_rgb: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Return uint8 [height, width]: 1 where the foreground is; `state` is changed."""
    inside = np.count_nonzero(state)
    if min(inside, state.size - inside) >= LEAST_PX:
        cv2.setRNGSeed(0)  # its first guess is random
        with suppress(cv2.error):  # one colour only
            colors = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(
                image_rgb, state, (0, 0, 0, 0), colors[0], colors[1], ROUNDS, cv2.GC_INIT_WITH_MASK
            )
    return ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
