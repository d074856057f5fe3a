# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A tabletop seen from close by, with a wall behind it."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import surroundings
from psg_ros.simulation.scene import CameraRange, ScenePlan, Surface
from psg_ros.simulation.templates.decoration import (
    add_cardboard_box,
    add_picture,
    add_window,
    scatter_clutter,
)
from psg_ros.simulation.templates.people import seat_at_table
from psg_ros.simulation.templates.placing import (
    fill_bowl,
    hang_curtain,
    lean,
    mount_clock,
    mount_shelf,
    put,
    put_beside,
    put_fallen,
    throw_thing,
)
from psg_ros.simulation.templates.room_shell import enclose

FREE_THINGS = (
    "bottle",
    "bottle",
    "cup",
    "cup",
    "cup",
    "banana",
    "banana",
    "apple",
    "orange",
    "book",
    "laptop",
    "laptop",
    "vase",
    "potted plant",
    "teddy bear",
    "truck",
    "sports ball",
    "bowl",
    "wine glass",
    "wine glass",
    "wine glass",
    "donut",
    "donut",
    "donut",
    "keyboard",
    "keyboard",
    "keyboard",
    "clock",
)
SHELF_THINGS = ("vase", "cup", "wine glass", "bottle", "potted plant", "clock", "apple")
ROUND_THINGS = ("bottle", "vase", "apple", "orange")
SCALE = 1.15


def tabletop(rng: np.random.Generator) -> ScenePlan:
    """Furnish a table with 3 to 9 things in a patch the camera looks at, perhaps with company."""
    plan = ScenePlan()
    half = (rng.uniform(0.55, 0.85), rng.uniform(0.34, 0.45))
    height, gap = rng.uniform(0.68, 0.78), rng.choice([0.01, rng.uniform(0.05, 0.5)])
    company = rng.random() < 0.22
    gap = rng.uniform(0.75, 1.0) if company else gap
    wall_y = half[1] + gap
    floor, wall = enclose(plan, rng, half_width=2.0, back_y=wall_y, front_y=-2.4)
    pattern = str(rng.choice(["wood", "wood", "planks", "plaster"]))
    table = plan.add(
        "table-merged", surroundings.table(half, height, pattern=pattern), (0, 0, 0), fixed=True
    )
    plan.rests.append((table, floor))
    patch = (min(half[0] - 0.05, 0.42), half[1] - 0.04)
    surface = Surface(table, (0.0, 0.0), patch, height)
    _against_wall(plan, rng, surface, wall, wall_y, lean_possible=gap < 0.02)
    _centre(plan, rng, surface)
    if rng.random() < 0.12:
        add_cardboard_box(plan, rng, surface, scale=0.8)
    if rng.random() < 0.2:
        put(plan, rng, "tv", surface, 0.75)
    for label in ("keyboard", "laptop", "banana", "truck"):
        if rng.random() < 0.13:
            put(plan, rng, label, surface, SCALE)
    _fill(plan, rng, surface)
    scatter_clutter(plan, rng, surface, int(rng.integers(0, 4)))
    plan.cameras = CameraRange((0, 0.05, height + 0.1), (0.9, 1.2), (-40, 40), (16, 48))
    if company:
        x = float(rng.uniform(-0.25, 0.25))
        seat_at_table(plan, rng, floor, x=x, y=half[1] + rng.uniform(0.28, 0.36))
        plan.cameras = CameraRange((0.5 * x, 0.15, height + 0.2), (1.2, 1.6), (-35, 35), (10, 30))
    return plan


def _against_wall(
    plan: ScenePlan,
    rng: np.random.Generator,
    surface: Surface,
    wall: int,
    wall_y: float,
    *,
    lean_possible: bool,
) -> None:
    """A leaning book; a clock, a shelf with things, a curtain, a window or a picture."""
    left, right = rng.permutation([-0.26, 0.26])
    if lean_possible and rng.random() < 0.6:
        lean(plan, rng, "book", surface, x=left, plane_y=wall_y, scale=SCALE)
    wish = rng.random()
    if wish < 0.22:
        mount_clock(
            plan,
            rng,
            wall,
            x=right,
            z=surface.height + rng.uniform(0.28, 0.38),
            wall_y=wall_y,
            scale=SCALE,
        )
    elif wish < 0.5:
        z = surface.height + rng.uniform(0.36, 0.42)
        board = mount_shelf(plan, rng, wall, x=right * 0.5, z=z, wall_y=wall_y, half_width=0.32)
        for _ in range(rng.integers(0, 3)):
            put(plan, rng, str(rng.choice(SHELF_THINGS)), board, 0.8)
    elif wish < 0.7:
        hang_curtain(
            plan,
            rng,
            wall,
            x=right * 1.6,
            top=surface.height + rng.uniform(0.55, 0.75),
            wall_y=wall_y,
            half_width=rng.uniform(0.16, 0.26),
            drop=1.1,
        )
    elif wish < 0.8:
        add_window(plan, rng, wall, x=right, z=surface.height + 0.6, wall_y=wall_y)
    elif wish < 0.9:
        add_picture(plan, rng, wall, x=right, z=surface.height + 0.4, wall_y=wall_y)


def _centre(plan: ScenePlan, rng: np.random.Generator, surface: Surface) -> None:
    """The event of the scene: a bowl of fruit, a fallen thing, a touching pair."""
    if rng.random() < 0.4:
        fill_bowl(plan, rng, surface, int(rng.integers(1, 4)), SCALE)
    if rng.random() < 0.15:
        put_fallen(
            plan,
            rng,
            str(rng.choice(["bottle", "bottle", "cup", "vase", "wine glass"])),
            surface,
            SCALE,
        )
    if rng.random() < 0.3:
        first = put(plan, rng, str(rng.choice(ROUND_THINGS)), surface, SCALE)
        if first is not None:
            put_beside(plan, rng, str(rng.choice(ROUND_THINGS)), surface, first, SCALE)


def _fill(plan: ScenePlan, rng: np.random.Generator, surface: Surface) -> None:
    """Free things up to a random number; sometimes a ball is thrown at the last one."""
    wanted = int(rng.integers(4, 9))
    placed = None
    for _ in range(wanted * 2):
        if sum(item.is_thing for item in plan.items) >= wanted:
            break
        index = put(plan, rng, str(rng.choice(FREE_THINGS)), surface, SCALE)
        placed = index if index is not None else placed
    if placed is not None and rng.random() < 0.16:
        throw_thing(plan, rng, placed, 0.8 * SCALE)
