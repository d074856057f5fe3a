# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a camera look, distortion included.

OpenCV's own way back from pixels ends after five steps, wherever it is by then. At the borders of a
wide lens that is far off, so what it returns is sent forward again, and what does not meet its
pixel is found by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import cv2
import numpy as np

from psg_ros.frame import Camera

STEEPEST = 100.0
"""No lens looks farther to the side than this, as x / z: 89.4 degrees."""

CLOSE = 1e-4
"""As near as a ray has to come to its pixel, in focal lengths: less than 0.1 px (our choice)."""

_SAMPLES = 64
"""Rows and columns that are sent forward first, the outermost among them: lenses are smooth, and
sending all forward takes ten times as long as the way back."""

_STOPS = 16
"""Places on the way to a ray at which the image must have moved outwards."""

_ROUNDS = 20
_STEP = 1e-4
"""For slopes, as x / z."""

Distort = Callable[[np.ndarray], np.ndarray]
"""Returns where rays float64 [ray, 2] meet the image plane, in focal lengths from its centre."""


@lru_cache(maxsize=32)
def rays_of(camera: Camera, step: int = 1) -> np.ndarray:
    """Return x / z and y / z of pixels in the optical frame, float32 [row, column, 2].

    Not a number where the lens model leads nowhere, as beyond the circle that a fisheye sees, or at
    the corners of a bad calibration. Kept for the cameras used last: it takes longer than a frame.

    Args:
        step: of every so many rows and columns one, from the first on. All pixels of a wide lens
            take seconds and a gigabyte.
    """
    columns, rows = (np.arange(0, size, step) for size in camera.image_hw[::-1])
    (fx, fy), (cx, cy) = camera.focal_xy, camera.center_xy
    grid = np.empty((len(rows), len(columns), 2))
    grid[..., 0] = (columns - cx) / fx
    grid[..., 1] = (rows[:, None] - cy) / fy
    plane = grid.reshape(-1, 2)
    rays = _undistorted(plane, grid.shape[:2], camera) if camera.distortion else plane
    with np.errstate(invalid="ignore"):
        rays[~(np.abs(rays) < STEEPEST).all(axis=1)] = np.nan
    kept = rays.reshape(grid.shape).astype(np.float32)
    kept.setflags(write=False)
    return kept


def _undistorted(plane: np.ndarray, grid_hw: tuple[int, int], camera: Camera) -> np.ndarray:
    """Return the rays float64 [ray, 2] that meet the image plane there, or not a number."""
    coefficients = np.array(camera.distortion, np.float64)
    if camera.distortion_model == "equidistant":
        back = cv2.fisheye.undistortPoints(plane[:, None], np.eye(3), coefficients)
        distort: Distort = partial(_by_fisheye, coefficients)
    else:
        back = cv2.undistortPoints(plane[:, None], np.eye(3), coefficients)
        distort = partial(_by_polynomial, coefficients)
    rays = back[:, 0]
    sample = _sample(grid_hw)
    with np.errstate(all="ignore"):
        if _is_seen(rays[sample], plane[sample], distort).all():
            return rays
        missed = np.flatnonzero(~_is_seen(rays, plane, distort))
        rays[missed] = _solved(plane[missed], distort)
        rays[missed[~_is_seen(rays[missed], plane[missed], distort)]] = np.nan
    return rays


def _sample(grid_hw: tuple[int, int]) -> np.ndarray:
    """Return the numbers of points on a coarser grid that reaches to all borders, int64 [point]."""
    rows, columns = (np.linspace(0, side - 1, _SAMPLES).astype(np.int64) for side in grid_hw)
    return (rows[:, None] * grid_hw[1] + columns).ravel()


def _meets(rays: np.ndarray, plane: np.ndarray, distort: Distort) -> np.ndarray:
    """Return bool [ray]: near enough to where it should; false for what is not a number."""
    near: np.ndarray = (np.abs(distort(rays) - plane) < CLOSE).all(axis=1)
    return near


def _is_seen(rays: np.ndarray, plane: np.ndarray, distort: Distort) -> np.ndarray:
    """Return bool [ray]: meets its pixel, and the lens shows it.

    On the way from the axis to such a ray the image moves outwards. Where it turns back the lens
    ends; its polynomial goes on, and meets the same pixels again from anywhere.
    """
    seen, last = _meets(rays, plane, distort), np.zeros(len(rays))
    for stop in range(1, _STOPS + 1):
        away = np.hypot(*distort(rays * (stop / _STOPS)).T)
        seen &= away > last - CLOSE
        last = away
    return seen


def _solved(plane: np.ndarray, distort: Distort) -> np.ndarray:
    """Find rays by Newton's method.

    It begins as if there were no lens. From there it goes straight to the nearest ray of a lens
    that bends the same way all over, and where there is none it gets to where the image turns back.
    """
    rays, left = plane.copy(), np.arange(len(plane))
    for _ in range(_ROUNDS):
        here, there = rays[left], distort(rays[left])
        across, down = (((distort(here + step) - there) / _STEP).T for step in _STEP * np.eye(2))
        x, y = (plane[left] - there).T
        area = across[0] * down[1] - across[1] * down[0]
        moves = np.stack([x * down[1] - y * down[0], y * across[0] - x * across[1]]) / area
        rays[left] = here + np.where(area > 0, moves, np.nan).T
        left = left[(np.abs(rays[left]) < STEEPEST).all(axis=1)]
        if len(left):
            left = left[~_meets(rays[left], plane[left], distort)]
        if not len(left):
            break
    rays[left] = np.nan
    return rays


def _by_fisheye(coefficients: np.ndarray, rays: np.ndarray) -> np.ndarray:
    plane: np.ndarray = cv2.fisheye.distortPoints(rays[:, None], np.eye(3), coefficients)
    return plane[:, 0]


def _by_polynomial(coefficients: np.ndarray, rays: np.ndarray) -> np.ndarray:
    points = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    still = np.zeros(3)
    plane: np.ndarray = cv2.projectPoints(points, still, still, np.eye(3), coefficients)[0]
    return plane[:, 0]
