# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the picture moved as a whole since the last image, and whether the view was cut.

Corners are followed by optical flow on a small grey picture; the motion is the similarity transform
(shift, turn, zoom) that most of them agree on.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIDE_PX = 240
"""Longest side of a small view: a shift by a pixel of it hardly changes the overlap of masks."""

_NUM_CORNERS, _MIN_CORNERS = 120, 8
_FLOW_WINDOW, _FLOW_LEVELS = (13, 13), 3
_AGREE_PX = 1.5
# Of the corners; fewer that agree are a scene that moves in itself, or another scene.
_MIN_AGREEING = 0.3
_MAX_ZOOM = 1.5
_THUMBNAIL_WH = (24, 18)


@dataclass(frozen=True)
class SmallView:
    """A frame in small.

    Attributes:
        grey: uint8 [h, w].
        step: px of the frame per px of `grey`, in x and y.
    """

    grey: np.ndarray
    step: int


@dataclass(frozen=True)
class Motion:
    """From the last image to this one, in px of the small view.

    Attributes:
        matrix: float64 [2, 3]; maps (x, y, 1) of the last image to (x, y) of this one.
        corners_xy, found_xy: float32 [corner, 2]; points of the last image, and where they are now.
        likeness: of both images after that motion, -1..1.
    """

    matrix: np.ndarray
    corners_xy: np.ndarray
    found_xy: np.ndarray
    likeness: float = 1.0

    @property
    def zoom(self) -> float:
        """How much larger things became."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def move(self, points_xy: np.ndarray) -> np.ndarray:
        """Return where points float64 [..., 2] of the last image lie in this one."""
        moved: np.ndarray = points_xy @ self.matrix[:, :2].T + self.matrix[:, 2]
        return moved


def shrink(image_rgb: np.ndarray) -> SmallView:
    """Return a frame's image uint8 [height, width, 3] in small."""
    height, width = image_rgb.shape[:2]
    step = -(-max(height, width) // SIDE_PX)
    # Averaging whole blocks is several times faster than any other size.
    size_wh = (max(width // step, 1), max(height // step, 1))
    whole = image_rgb[: size_wh[1] * step, : size_wh[0] * step]
    small = cv2.resize(whole, size_wh, interpolation=cv2.INTER_AREA)
    return SmallView(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), step)


def estimate_motion(last: SmallView, current: SmallView) -> Motion:
    """Return the motion between two views of one size; standstill where nothing tells of any."""
    corners, found = _follow_corners(last.grey, current.grey)
    matrix = _agreed_motion(corners, found)
    if matrix is None:
        likeness = _likeness(last.grey, current.grey)
        return Motion(np.eye(2, 3), corners[:0], found[:0], likeness)
    likeness = _likeness(_warp(last.grey, matrix), current.grey)
    return Motion(matrix, corners, found, likeness)


def _follow_corners(last: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return corners of the last view and where they are found now, float32 [corner, 2] each."""
    corners = cv2.goodFeaturesToTrack(last, _NUM_CORNERS, 0.01, 6)
    if corners is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    found = np.empty_like(corners)
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        last, current, corners, found, winSize=_FLOW_WINDOW, maxLevel=_FLOW_LEVELS
    )
    kept = status[:, 0] > 0
    return corners[kept, 0], found[kept, 0]


def _agreed_motion(corners: np.ndarray, found: np.ndarray) -> np.ndarray | None:
    """Return the motion float64 [2, 3] that most corners share, None where they do not."""
    if len(corners) < _MIN_CORNERS:
        return None
    matrix, agreeing = cv2.estimateAffinePartial2D(
        corners, found, ransacReprojThreshold=_AGREE_PX, maxIters=200
    )
    if matrix is None or agreeing.sum() < max(_MIN_CORNERS, _MIN_AGREEING * len(corners)):
        return None
    zoom = np.hypot(matrix[0, 0], matrix[1, 0])
    return matrix if 1 / _MAX_ZOOM < zoom < _MAX_ZOOM else None


def _warp(grey: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    moved: np.ndarray = cv2.warpAffine(
        grey, matrix, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE
    )
    return moved


def _likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return how alike two grey pictures are, -1..1: in brightness or in edges, the higher of both.

    Edges stay when a light goes on, brightness stays when things move.
    """
    return max(
        _correlation(_thumbnail(first), _thumbnail(second)),
        _correlation(_thumbnail(_edges(first)), _thumbnail(_edges(second))),
    )


def _edges(grey: np.ndarray) -> np.ndarray:
    """Return the strength of edges, float32 [h, w]; its root, so that a few do not decide."""
    across, down = (cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return np.sqrt(cv2.magnitude(across, down))


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, _THUMBNAIL_WH, interpolation=cv2.INTER_AREA).astype(np.float64)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of two pictures, -1..1; two without any contrast are alike."""
    first, second = first - first.mean(), second - second.mean()
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if max(lengths) < 1:
        return 1.0
    return float((first * second).sum()) / max(lengths[0] * lengths[1], 1.0)
