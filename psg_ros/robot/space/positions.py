# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Position, uncertainty and size of every segment, from its mask and depth.

Three things spoil what a mask and a depth image say together: pixels at the border of a mask, whose
depth is that of something else or a mixture; holes and stray values of the sensor; and masks that
spill over. So borders are left out where enough remains, and what lies off the median of a segment
by several times its spread is an outlier.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from psg_ros.frame import Frame, Pose
from psg_ros.robot.space.rays import rays_of
from psg_ros.scene_graph import Position, Segmentation

# Points are taken on a map of at most this many columns; more make nothing better.
GRID_COLUMNS = 320
# Nor do more points of one segment than this.
MAX_POINTS = 2000
# Evenly spread in 0..1 without a period, which would fall in step with the rows of the map.
SPREAD = np.arange(MAX_POINTS) * (math.sqrt(5) - 1) / 2 % 1
# Width of the border that is left out, in cells, where more than MIN_CELLS are left inside.
BORDER_CELLS = 1
MIN_CELLS = 12
# What lies off the median by more than this many (scaled) median deviations is no part of the
# segment. In inverse depth, which is even over the pixels of any plane: a floor that reaches far
# has no outliers. A surface counts as this thick at least, or noise would be shape.
OUTLIERS = 3.5
MAD_TO_SIGMA = 1.4826
THINNEST_M, THINNEST_SHARE = 0.02, 0.01
# No robot is farther from the origin of any frame than this, metres.
FARTHEST = 1e9
# The size leaves out this share of the points at each end of an axis.
TRIM = 0.01
# What no averaging takes away of a depth camera's error, as a share of the distance: scale and
# alignment. And the fewest independent points among so many cells: their noise is correlated.
SYSTEMATIC_SHARE = 0.005
CELLS_PER_SAMPLE = 16


def measure_positions(frame: Frame, segmentation: Segmentation) -> tuple[Position | None, ...]:
    """Return where each segment is, None where too few of its pixels were measured.

    Args:
        frame: has depth, camera and pose; the positions are in `frame.spatial_frame_id`.
    """
    assert frame.depth is not None and frame.camera is not None and frame.pose is not None
    num_segments = segmentation.num_segments
    if not num_segments:
        return ()
    step = math.ceil(frame.image_hw[1] / GRID_COLUMNS)
    cells, distances = (array[::step, ::step] for array in (segmentation.label_map, frame.depth))
    rays = rays_of(frame.camera, step)
    with np.errstate(invalid="ignore"):
        known = (cells >= 0) & (distances > 0) & np.isfinite(distances + rays.sum(axis=2))
    within = known & _interior(cells)
    found: list[Position | None] = [None] * num_segments
    sparse = np.bincount(cells[within], minlength=num_segments) < MIN_CELLS
    # Of what is too thin to have an inside, the border has to do.
    chosen = within | (known & sparse[cells])
    row, column = np.nonzero(chosen)
    segments = cells[row, column]
    z = distances[row, column].astype(np.float64)
    xy = rays[row, column].astype(np.float64)
    for segment, mine in _groups(segments, num_segments):
        if len(mine) > MAX_POINTS:
            mine = mine[(SPREAD * len(mine)).astype(np.intp)]
        mine = mine[_inliers(z[mine])]
        if len(mine) >= MIN_CELLS:
            points = np.concatenate([xy[mine] * z[mine, None], z[mine, None]], axis=1)
            found[segment] = _position(points, frame.pose)
    return tuple(found)


def _interior(cells: np.ndarray) -> np.ndarray:
    """Return bool [row, column]: cells around which all others are of the same segment."""
    size = 2 * BORDER_CELLS + 1
    kernel = np.ones((size, size), np.uint8)
    exact = cells.astype(np.float32)  # OpenCV's morphology knows no int32; indices are small
    return np.asarray(cv2.erode(exact, kernel) == cv2.dilate(exact, kernel))


def _groups(segments: np.ndarray, num_segments: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each segment that has points, and their places."""
    order = np.argsort(segments.astype(np.uint16), kind="stable")  # a radix sort for 16 bits
    ends = np.cumsum(np.bincount(segments, minlength=num_segments))
    for segment, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        if end > start:
            yield segment, order[start:end]


def _inliers(z: np.ndarray) -> np.ndarray:
    middle = np.median(z)
    deviation = np.abs(1 / z - 1 / middle)
    spread = MAD_TO_SIGMA * np.median(deviation)
    thinnest = max(THINNEST_M, THINNEST_SHARE * middle) / middle**2
    return np.asarray(deviation <= OUTLIERS * max(spread, thinnest))


def _position(points: np.ndarray, pose: Pose) -> Position | None:
    """Return the middle of points [point, 3] of the optical frame, in the frame of `pose`.

    None where an absurd pose leads nowhere.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        middle = points.mean(axis=0)
        samples = max(1.0, len(points) / CELLS_PER_SAMPLE)
        error = SYSTEMATIC_SHARE * middle  # along the ray to it: scale moves a point to and fro
        covariance = np.cov(points.T, bias=True) / samples + np.outer(error, error)
        covariance = pose.rotation @ covariance @ pose.rotation.T
        moved = pose(points)
        lower, upper = np.quantile(moved, [TRIM, 1 - TRIM], axis=0)
        there = pose(middle[None])[0]
    parts = there, covariance.ravel(), upper - lower
    if not all((np.abs(part) < FARTHEST).all() for part in parts):  # false for NaN, too
        return None
    return Position(*(tuple(part.tolist()) for part in parts))
