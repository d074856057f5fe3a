# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes of segments in space, from depth: axes along gravity, known or as the ground shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.scene_graph import VOID

# A box leaves out this share of a segment's points at each end: borders mix two surfaces.
TRIM = 0.02
# Fewer measured cells than this say nothing about where a segment is.
MIN_CELLS = 8
# Ground that seems to be tilted more than this against the camera's own axes is no ground.
MAX_TILT_DEG = 50.0
# Cosine between gravity and the line of sight from which on a camera looks straight down or up.
STEEP = 0.99


@dataclass(frozen=True)
class Extents:
    """Where segments are, in metres: x to the right, y up, z away from the camera.

    Attributes:
        lower, upper: float64 [segment, 3]; corners of the box, not a number where unknown.
        distance: float64 [segment]; median along the optical axis, not a number where unknown.
    """

    lower: np.ndarray
    upper: np.ndarray
    distance: np.ndarray


def measure_extents(
    label_map: np.ndarray,
    depth: np.ndarray,
    rays: np.ndarray,
    ground: np.ndarray,
    up: np.ndarray | None = None,
) -> Extents:
    """Measure every segment.

    Args:
        label_map: int32 [row, column], void is -1; as coarse as is wanted.
        depth: float32 [row, column], metres along the optical axis; NaN or 0 where unknown.
        rays: float64 [row, column, 2]; what one metre of depth is to the right and down, x / z and
            y / z of the camera's optical frame.
        ground: bool [segment]; level surfaces, from which the direction of gravity is taken.
        up: float64 [3], against gravity: right, up, away from the camera; None: look at the ground.
    """
    with np.errstate(invalid="ignore"):
        known = (depth > 0) & np.isfinite(depth + rays.sum(axis=2)) & (label_map != VOID)
    segments, distances = label_map[known], depth[known].astype(np.float64)
    right, down = rays[known].T * distances
    points = np.stack([right, -down, distances], axis=1)
    if up is None:
        up = upward(points[ground[segments]]) if len(ground) else np.array([0.0, 1.0, 0.0])
    points = points @ axes_along(up).T
    count = len(ground)
    lower, upper = np.full((count, 3), np.nan), np.full((count, 3), np.nan)
    distance = np.full(count, np.nan)
    order = np.argsort(segments, kind="stable")
    ends = np.cumsum(np.bincount(segments, minlength=count))
    for segment, end in enumerate(ends):
        mine = order[ends[segment - 1] if segment else 0 : end]
        if len(mine) >= MIN_CELLS:
            lower[segment], upper[segment] = np.quantile(points[mine], [TRIM, 1 - TRIM], axis=0)
            distance[segment] = np.median(distances[mine])
    return Extents(lower, upper, distance)


def upward(ground: np.ndarray) -> np.ndarray:
    """Return the unit vector against gravity, float64 [3], from points [point, 3] of the ground.

    The normal of their plane; the camera's own upward direction where they are few or show no
    plane that is nearly level.
    """
    own = np.array([0.0, 1.0, 0.0])
    if len(ground) < 10 * MIN_CELLS:
        return own
    for _ in range(2):  # once more without what lies off the first plane
        middle = np.median(ground, axis=0)
        normal = np.linalg.svd(ground - middle, full_matrices=False)[2][2]
        off = np.abs((ground - middle) @ normal)
        ground = ground[off <= 2 * np.median(off) + 0.01]
    normal = normal * np.sign(normal[1] or 1.0)
    return normal if normal[1] > np.cos(np.deg2rad(MAX_TILT_DEG)) else own


def axes_along(up: np.ndarray) -> np.ndarray:
    """Return a rotation float64 [3, 3] whose second row is along `up`; the first stays level."""
    up = up / np.linalg.norm(up)
    # A camera that looks straight down has no level direction ahead: its upper edge serves.
    ahead = [0.0, 0.0, 1.0] if abs(up[2]) < STEEP else [0.0, 1.0, 0.0]
    right = np.cross(up, ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, up, np.cross(right, up)])
