# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Curved arrows between boxes; the two directions of a pair bend to different sides."""

from __future__ import annotations

import cv2
import numpy as np

from psg_ros.drawing.palette import Color

BEND = 0.14
"""Our choice: sideways deviation at the middle, as a share of the length."""

_SHARES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)
"""Our choice: where on its arrow a text may lie, as shares of the points."""

_SHIFT = 4  # binary digits after the point in coordinates given to OpenCV


def arrow_path(
    start_box: np.ndarray,
    end_box: np.ndarray,
    canvas_wh: tuple[int, int],
    *,
    bend: float = BEND,
    gap_px: float = 2.0,
) -> np.ndarray:
    """Return the points of a curve from one box to the other, both left out.

    Args:
        start_box, end_box: [4], (left, top, right, bottom) px.
        canvas_wh: (width, height) px; the curve bends less where it would leave the canvas.
        bend: deviation to the left of the way, as a share of its length; 0 is a straight line.
        gap_px: free space before each box and towards the edge of the canvas.

    Returns:
        float64 [point, 2], (x, y) px; fewer than two points where the boxes leave no room.
    """
    start, end = _center(start_box), _center(end_box)
    way = end - start
    length = float(np.hypot(*way))
    # A short arrow between two wide boxes would vanish behind them: it swings out further.
    swing = max(abs(bend) * length, float(start_box[3] - start_box[1]))
    t = np.linspace(0, 1, 32)[:, None]
    straight = start + t * way
    # Towards the side of the bend: nothing at both ends, 1 px in the middle.
    aside = 4 * t * (1 - t) * np.sign(bend) * np.array([way[1], -way[0]]) / max(length, 1e-6)
    curve = straight + min(swing, _room(straight, aside, canvas_wh, gap_px)) * aside
    outside = ~(inside_box(curve, start_box, gap_px) | inside_box(curve, end_box, gap_px))
    return _longest_run(curve, outside)


def paint_arrow(
    canvas: np.ndarray, path: np.ndarray, color: Color, width_px: float, casing: Color | None = None
) -> None:
    """Paint a path with a head at its end into the canvas (uint8 [H, W, 3], changed).

    Args:
        path: float [point, 2]; nothing is painted for fewer than two points.
        casing: colour of a thin outline that keeps the arrow visible on any ground.
    """
    if len(path) < 2:
        return
    shaft, head = arrow_shape(path, 3.2 * width_px + 3)
    shaft = np.concatenate((shaft[:-1:3], shaft[-1:]))  # OpenCV's thick lines dent at every point
    width = max(1, round(width_px))
    if casing is not None:
        outline = width + 2 * max(1, round(0.5 * width_px))
        cv2.polylines(canvas, [_fixed(shaft)], False, casing, outline, cv2.LINE_AA, _SHIFT)
        cv2.polylines(
            canvas, [_fixed(head)], True, casing, outline - width + 1, cv2.LINE_AA, _SHIFT
        )
    cv2.polylines(canvas, [_fixed(shaft)], False, color, width, cv2.LINE_AA, _SHIFT)
    cv2.fillConvexPoly(canvas, _fixed(head), color, cv2.LINE_AA, _SHIFT)


def arrow_shape(path: np.ndarray, head_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Split a path into shaft (float [point, 2]) and head (float [3, 2], tip first)."""
    tip = path[-1]
    away = np.hypot(*(path - tip).T)
    head_px = min(head_px, 0.6 * float(away[0]))
    far = np.flatnonzero(away >= head_px)
    base = path[far[-1]] if len(far) else path[0]
    along = (tip - base) / max(float(np.hypot(*(tip - base))), 1e-6)
    base = tip - head_px * along
    side = 0.45 * head_px * np.array([-along[1], along[0]])
    shaft = np.concatenate(
        (path[: far[-1] + 1] if len(far) else path[:1], [tip - 0.8 * head_px * along])
    )
    return shaft, np.stack((tip, base + side, base - side))


def text_centers(path: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the centres to try for an arrow's text, the middle first.

    A text lies on the arrow, or beside it where the arrow is too short to show below the text.

    Args:
        path: float64 [point, 2], at least one point.
        size_wh: of the text, px.

    Returns:
        float64 [candidate, 2], (x, y) px.
    """
    index = np.rint(np.array(_SHARES) * (len(path) - 1)).astype(np.int64)
    on_arrow = path[index]
    steps = np.array([(0, -1), (0, 1), (0.6, 0), (-0.6, 0)])
    aside = on_arrow[0] + steps * (np.array(size_wh) + 0.2 * size_wh[1])
    way = path[-1] - path[0]
    length = float(np.hypot(*way))
    # A text hides as much of the arrow as fits into its box in the arrow's direction.
    hidden = min(size_wh[axis] * length / max(abs(way[axis]), 1e-6) for axis in (0, 1))
    short = length < hidden + 1.2 * size_wh[1]
    return np.concatenate((aside, on_arrow) if short else (on_arrow, aside))


def _center(box: np.ndarray) -> np.ndarray:
    return (np.asarray(box[:2], np.float64) + box[2:]) / 2


def inside_box(points: np.ndarray, box: np.ndarray, gap_px: float) -> np.ndarray:
    """Return bool [point]: nearer than `gap_px` to the box, or in it."""
    lower, upper = np.asarray(box[:2]) - gap_px, np.asarray(box[2:]) + gap_px
    return np.all((points > lower) & (points < upper), axis=1)


def _room(
    points: np.ndarray, steps: np.ndarray, canvas_wh: tuple[int, int], gap_px: float
) -> float:
    """Return how many of its steps every point can take before one comes too near to the edge."""
    edge = np.where(steps > 0, np.array(canvas_wh) - 1 - gap_px, gap_px)
    moves = np.abs(steps) > 1e-9
    return max(0.0, float(((edge - points)[moves] / steps[moves]).min(initial=np.inf)))


def _longest_run(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the longest stretch of wanted points."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], wanted.astype(np.int8), [0]))))
    if not len(edges):
        return points[:0]
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return points[starts[longest] : ends[longest]]


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)
