# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Floor and four walls."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import surroundings
from psg_ros.simulation.scene import ScenePlan

WALL_HALF_THICKNESS = 0.02


def enclose(
    plan: ScenePlan, rng: np.random.Generator, *, half_width: float, back_y: float, front_y: float
) -> tuple[int, int]:
    """Add a floor at z = 0 and walls around it; returns the items (floor, back wall).

    The inner surface of the back wall is the plane y = back_y.
    """
    wooden = rng.random() < 0.5
    label = "floor-wood" if wooden else "floor-other-merged"
    pattern = str(rng.choice(["planks", "parquet"] if wooden else ["tiles", "tiles", "carpet"]))
    plaster = str(rng.choice(["plaster", "plaster", "wallpaper"]))
    middle = (back_y + front_y) / 2
    depth = (back_y - front_y) / 2
    floor = plan.add(
        label, surroundings.floor((half_width, depth), pattern=pattern), (0, middle, 0), fixed=True
    )
    back_brick = rng.random() < 0.4
    sides_brick = back_brick ^ (rng.random() < 0.15)
    back = _wall(
        plan,
        half_width,
        (0, back_y + WALL_HALF_THICKNESS),
        "brick" if back_brick else plaster,
        True,
    )
    _wall(
        plan,
        half_width,
        (0, front_y - WALL_HALF_THICKNESS),
        "brick" if sides_brick else plaster,
        True,
    )
    for side in (-1, 1):
        _wall(
            plan,
            depth,
            (side * (half_width + WALL_HALF_THICKNESS), middle),
            "brick" if sides_brick else plaster,
            False,
        )
    return floor, back


def _wall(
    plan: ScenePlan, half_width: float, place: tuple[float, float], pattern: str, front: bool
) -> int:
    label = "wall-brick" if pattern == "brick" else "wall-other-merged"
    shape = surroundings.wall(half_width, pattern=pattern, facing_front=front)
    return plan.add(label, shape, (*place, 0), fixed=True)
