# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chips: short texts on a rounded, coloured ground, measured, placed apart and painted.

Boxes are int64 [4] or [box, 4] arrays (left, top, right, bottom) in px, right and bottom exclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from psg_ros.drawing.palette import Color, ascii_text, text_color

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAP_HEIGHT = 22.0  # px of a capital letter of this font at scale 1
_SUPERSAMPLING = 4
"""Hershey strokes look ragged at reading size: drawn four times larger and averaged they do not."""


def chip_size(text: str, text_px: float) -> tuple[int, int]:
    """Return (width, height) in px of a chip whose capital letters are `text_px` high."""
    height, width = _text_mask(ascii_text(text), text_px).shape
    return width + 2 * _padding(text_px), height


def chip_box(center_xy: Sequence[float], size_wh: tuple[int, int]) -> np.ndarray:
    """Return the box of this size around a point."""
    left, top = (round(c - s / 2) for c, s in zip(center_xy, size_wh, strict=True))
    return np.array([left, top, left + size_wh[0], top + size_wh[1]])


def place_box(
    size_wh: tuple[int, int],
    centers_xy: np.ndarray,
    taken: Sequence[np.ndarray],
    canvas_wh: tuple[int, int],
    *,
    force: bool,
) -> np.ndarray | None:
    """Choose the first centre where a box overlaps no other; boxes are moved into the canvas.

    Args:
        centers_xy: float [candidate, 2]; preferred first.
        taken: boxes to keep clear of.
        force: take the least overlap where every candidate overlaps.

    Returns:
        A box, or None: it does not fit into the canvas, or nothing is free and `force` is off.
    """
    size, canvas = np.array(size_wh), np.array(canvas_wh)
    if (size > canvas).any():
        return None
    corner = np.clip(np.rint(centers_xy - size / 2), 0, canvas - size).astype(np.int64)
    boxes = np.concatenate((corner, corner + size), axis=1)
    crowded = _shared_area(boxes, taken)
    best = int(crowded.argmin())  # the first of the free ones
    return boxes[best] if force or crowded[best] == 0 else None


def paint_chip(
    canvas: np.ndarray, box: np.ndarray, text: str, text_px: float, background: Color
) -> None:
    """Paint a chip into the canvas (uint8 [H, W, 3], changed); what juts out is cut off.

    The box comes from `chip_size`, so that the text has room; its left and top are not negative.
    """
    paint_rounded_box(canvas, box, background)
    left, top, right, bottom = box
    mask = _text_mask(ascii_text(text), text_px)
    height, width = mask.shape
    x, y = left + (right - left - width) // 2, top + (bottom - top - height) // 2
    region = canvas[y : y + height, x : x + width]
    region[...] = _text_shades(background)[mask[: region.shape[0], : region.shape[1]]]


def paint_rounded_box(canvas: np.ndarray, box: np.ndarray, color: Color, radius: int = 0) -> None:
    """Fill a box with rounded corners; radius in px, 0 takes a quarter of the height."""
    size = box[2:] - box[:2]
    outline = _rounded_outline(int(size[0]), int(size[1]), radius or int(size[1]) // 4)
    corner = (box[:2] * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas, outline + corner, color, cv2.LINE_AA, 4)


@lru_cache(maxsize=512)
def _rounded_outline(width: int, height: int, radius: int) -> np.ndarray:
    """Return the polygon int32 [point, 2] around (0, 0, width, height), in 1/16 px."""
    radius = min(radius, width // 2, height // 2)
    turn = np.deg2rad(np.arange(0, 91, 15))
    arc = radius * np.stack((np.cos(turn), np.sin(turn)), axis=1)
    inset = 0.75  # OpenCV's smooth edges spread over this much: nothing is painted outside the box
    near, far_x, far_y = radius + inset, width - 1 - inset - radius, height - 1 - inset - radius
    corners = (
        (far_x, far_y) + arc,
        (near, far_y) + arc[::-1] * (-1, 1),
        (near, near) - arc,
        (far_x, near) + arc[::-1] * (1, -1),
    )
    return np.rint(np.concatenate(corners) * 16).astype(np.int32)


@lru_cache(maxsize=512)
def _text_shades(background: Color) -> np.ndarray:
    """Return uint8 [256, 3]: the background (0) turning into the colour of the text (255)."""
    ends = np.array([background, text_color(background)], np.float64)
    share = np.linspace(0, 1, 256)[:, None]
    return np.rint(ends[0] * (1 - share) + ends[1] * share).astype(np.uint8)


@lru_cache(maxsize=512)
def _text_mask(text: str, text_px: float) -> np.ndarray:
    """Return the opacity of a text, uint8 [height, width], with room above and below.

    Cached because most texts of a video repeat from frame to frame.
    """
    scale = _SUPERSAMPLING * text_px / _CAP_HEIGHT
    stroke = max(1, round(_SUPERSAMPLING * text_px / 7.5))
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    height_px, width_px = round(2.0 * text_px), -(-(width + stroke) // _SUPERSAMPLING)
    large = np.zeros((height_px * _SUPERSAMPLING, max(1, width_px) * _SUPERSAMPLING), np.uint8)
    baseline = round(1.5 * text_px * _SUPERSAMPLING)
    cv2.putText(large, text, (stroke // 2, baseline), _FONT, scale, 255, stroke, cv2.LINE_AA)
    mask = cv2.resize(large, (max(1, width_px), height_px), interpolation=cv2.INTER_AREA)
    mask.setflags(write=False)  # shared by all callers
    return mask


def _padding(text_px: float) -> int:
    return max(2, round(0.6 * text_px))


def _shared_area(boxes: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Return int64 [box]: px that each box shares with all others together."""
    if not len(others):
        return np.zeros(len(boxes), np.int64)
    a, b = boxes[:, None], np.asarray(others)[None]
    extent = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.maximum(extent, 0).prod(axis=-1).sum(axis=1)
