# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What makes a room look lived in: windows, doors, pictures, boxes and clutter."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import fittings
from psg_ros.simulation.catalog import CLUTTER, THINGS
from psg_ros.simulation.geometry import Shape, Vector, combine, turn
from psg_ros.simulation.scene import Mount, ScenePlan, Surface
from psg_ros.simulation.templates.placing import DROP_M, X, Z, random_yaw

PACKED = ("teddy bear", "sports ball", "book", "bottle", "apple", "orange", "vase", "cup")
_UMBRELLA_TILT_DEG = 62.0


def mount(plan: ScenePlan, label: str, shape: Shape, wall: int, pos: Vector) -> int:
    """Fix a flat item to the wall at its origin."""
    item = plan.add(label, shape, pos, fixed=True)
    plan.mounts.append(Mount(item, wall, tuple(float(value) for value in pos)))
    return item


def add_window(
    plan: ScenePlan, rng: np.random.Generator, wall: int, *, x: float, z: float, wall_y: float
) -> int:
    """A window whose middle is at (x, z)."""
    shape = fittings.window((rng.uniform(0.28, 0.5), rng.uniform(0.3, 0.45)))
    return mount(plan, "window-other", shape, wall, (x, wall_y, z))


def add_door(
    plan: ScenePlan, rng: np.random.Generator, wall: int, *, x: float, wall_y: float
) -> int:
    """A door that reaches down to the floor."""
    shape = fittings.door(rng.uniform(0.36, 0.45), rng.uniform(1.9, 2.1))
    item = plan.add("door-stuff", shape, (x, wall_y, 0.0), fixed=True)
    plan.mounts.append(Mount(item, wall, (x, wall_y, shape.height / 2)))
    return item


def add_picture(
    plan: ScenePlan, rng: np.random.Generator, wall: int, *, x: float, z: float, wall_y: float
) -> int:
    """A framed picture, part of the wall."""
    shape = fittings.picture((rng.uniform(0.12, 0.3), rng.uniform(0.12, 0.25)))
    return plan.add(plan.items[wall].label, shape, (x, wall_y, z), fixed=True)


def add_tv(
    plan: ScenePlan, rng: np.random.Generator, wall: int, *, x: float, z: float, wall_y: float
) -> int:
    """A television that hangs flat on the wall."""
    shape = THINGS["tv"].build(rng, rng.uniform(0.8, 1.1))
    return mount(plan, "tv", shape, wall, (x, wall_y - 0.1, z))


def add_cabinet(
    plan: ScenePlan,
    rng: np.random.Generator,
    floor: int,
    *,
    x: float,
    wall_y: float,
    half: tuple[float, float],
    height: float,
) -> Surface:
    """A cupboard against the wall; returns its top."""
    shape = fittings.cabinet(half, height, doors=max(1, round(half[0] / 0.25)))
    y = wall_y - half[1] - 0.01
    item = plan.add("cabinet-merged", shape, (x, y, 0.0), fixed=True)
    plan.rests.append((item, floor))
    return Surface(item, (x, y), (half[0] - 0.02, half[1] - 0.01), height)


def add_cardboard_box(
    plan: ScenePlan, rng: np.random.Generator, ground: Surface, *, scale: float = 1.0
) -> int | None:
    """An open box with one to three things in it."""
    half = (scale * rng.uniform(0.17, 0.24), scale * rng.uniform(0.15, 0.19))
    shape = fittings.cardboard_box(half, scale * rng.uniform(0.15, 0.25))
    place = ground.find(rng, shape.radius)
    if place is None:
        return None
    quat = turn(Z, rng.uniform(-25, 25))
    item = plan.add("cardboard", shape, (*place, ground.height), quat, fixed=True)
    plan.rests.append((item, ground.item))
    count = int(rng.integers(1, 3))
    for number in range(count):
        label = str(rng.choice(PACKED))
        aside = 0.0 if count == 1 else (number - 0.5) * half[0] * 0.9
        pos = (place[0] + aside, place[1], ground.height + 0.02 + DROP_M)
        thing = THINGS[label].build(rng, scale * 1.15)
        plan.add(label, thing, pos, random_yaw(label, rng))
    return item


def add_pillow(
    plan: ScenePlan, rng: np.random.Generator, pos: Vector, *, scale: float = 1.0
) -> int:
    """A pillow that drops flat onto what is below ``pos``."""
    x, y, z = (scale * rng.uniform(*r) for r in ((0.2, 0.27), (0.14, 0.18), (0.05, 0.07)))
    return plan.add("pillow", fittings.pillow((x, y, z)), pos, turn(Z, rng.uniform(-15, 15)))


def stand_pillow(
    plan: ScenePlan, rng: np.random.Generator, pos: Vector, *, tilt_deg: float = 62.0
) -> int:
    """A cushion that leans back towards +y, as on a couch."""
    half = float(rng.uniform(0.16, 0.2))
    shape = fittings.pillow((half, half, float(rng.uniform(0.05, 0.065))))
    quat = combine(turn(Z, rng.uniform(-8, 8)), turn(X, tilt_deg))
    return plan.add("pillow", shape, (pos[0], pos[1], pos[2] + half * 0.95), quat)


def scatter_clutter(
    plan: ScenePlan, rng: np.random.Generator, surface: Surface, count: int, scale: float = 1.0
) -> None:
    """Small things that no class knows, as every real picture has them."""
    for _ in range(count):
        shape = fittings.clutter(rng, scale)
        place = surface.find(rng, shape.radius)
        if place is not None:
            pos = (*place, surface.height + DROP_M)
            plan.add(CLUTTER, shape, pos, turn(Z, rng.uniform(0, 360)))


def lay_umbrella(plan: ScenePlan, rng: np.random.Generator, ground: Surface) -> int | None:
    """An open umbrella put down to dry: on its rim and the end of its handle."""
    shape = THINGS["umbrella"].build(rng, 1.0)
    place = ground.find(rng, shape.radius * 0.9)
    if place is None:
        return None
    tilt = np.deg2rad(_UMBRELLA_TILT_DEG)
    quat = combine(turn(Z, rng.uniform(0, 360)), turn(X, _UMBRELLA_TILT_DEG))
    rim = shape.height - 0.5 * shape.radius
    lift = max(float(shape.radius * np.sin(tilt) - rim * np.cos(tilt)), 0.03) + 0.02
    pos = (*place, ground.height + lift)
    return plan.add("umbrella", shape, pos, quat)
