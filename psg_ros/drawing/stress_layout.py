# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graph layout by stress majorization (Gansner, Koren and North, "Graph Drawing by Stress
Majorization", 2004), started from known positions so that it keeps their left, right, up and down.

Difference from the paper: the linear system is solved with one pseudo-inverse, exact and quick for
the few dozen nodes of a scene graph.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 120


def stress_layout(start_xy: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Move points until their distances resemble those in the graph; y gets the longest extent.

    Texts are wide and low: on a page a link needs about three times the room in x than in y.

    Args:
        start_xy: float64 [node, 2].
        links: int [link, 2]; joined nodes, direction is ignored.

    Returns:
        float64 [node, 2] in units of one link, around (0, 0); deterministic.
    """
    count = len(start_xy)
    wanted = _graph_distances(count, links)
    np.fill_diagonal(wanted, 1.0)
    weight = wanted**-2.0
    np.fill_diagonal(weight, 0.0)
    inverse = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    # Points on the same spot have no direction to part: a small spiral gives them one.
    turn = 2.4 * np.arange(count)
    spread = max(float(np.ptp(start_xy, axis=0).max()), 1.0)
    points = start_xy / spread * np.sqrt(count)
    points = points + 0.05 * np.stack((np.cos(turn), np.sin(turn)), axis=1)
    for _ in range(_ROUNDS):
        gaps = points[:, None] - points[None]
        distance = np.maximum(np.hypot(gaps[..., 0], gaps[..., 1]), 1e-6)
        pull = -weight * wanted / distance
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        points = inverse @ (pull @ points)
    return _upright(points, start_xy)


def _upright(points: np.ndarray, start_xy: np.ndarray) -> np.ndarray:
    """Turn the points so that they extend most in y, mirrored to resemble the start."""
    points = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(points, full_matrices=False)
    turned = points @ axes[::-1].T
    agreement = (turned * (start_xy - start_xy.mean(axis=0))).sum(axis=0)
    return turned * np.where(agreement < 0, -1.0, 1.0)


def _graph_distances(count: int, links: np.ndarray) -> np.ndarray:
    """Return float64 [node, node]: links on the shortest way, 2 between separate parts."""
    distance = np.full((count, count), np.inf)
    distance[links[:, 0], links[:, 1]] = distance[links[:, 1], links[:, 0]] = 1
    np.fill_diagonal(distance, 0)
    for middle in range(count):
        distance = np.minimum(distance, distance[:, [middle]] + distance[[middle]])
    return np.where(np.isfinite(distance), distance, 2.0)
