# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Floor and four walls."""

from __future__ import annotations

import numpy as np

from psg_ros.data.simulation import surroundings
from psg_ros.data.simulation.scene import ScenePlan

WALL_HALF_THICKNESS = 0.02


def enclose(
    plan: ScenePlan, rng: np.random.Generator, *, half_width: float, back_y: float, front_y: float
) -> tuple[int, int]:
    """Add a floor at z = 0 and walls around it; returns the items (floor, back wall).

    The inner surface of the back wall is the plane y = back_y.
    """
    wooden = rng.random() < 0.5
    label, pattern = ("floor-wood", "planks") if wooden else ("floor-other-merged", "tiles")
    middle = (back_y + front_y) / 2
    depth = (back_y - front_y) / 2
    floor = plan.add(
        label, surroundings.floor((half_width, depth), pattern=pattern), (0, middle, 0), fixed=True
    )
    back_brick = rng.random() < 0.4
    sides_brick = back_brick ^ (rng.random() < 0.15)
    back = _wall(plan, half_width, (0, back_y + WALL_HALF_THICKNESS), back_brick, True)
    _wall(plan, half_width, (0, front_y - WALL_HALF_THICKNESS), sides_brick, True)
    for side in (-1, 1):
        _wall(plan, depth, (side * (half_width + WALL_HALF_THICKNESS), middle), sides_brick, False)
    return floor, back


def _wall(
    plan: ScenePlan, half_width: float, place: tuple[float, float], brick: bool, front: bool
) -> int:
    label, pattern = ("wall-brick", "brick") if brick else ("wall-other-merged", "plaster")
    shape = surroundings.wall(half_width, pattern=pattern, facing_front=front)
    return plan.add(label, shape, (*place, 0), fixed=True)
