# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bed against the wall with pillows and things on it, a bedside cabinet, perhaps somebody."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import UNTURNED
from psg_ros.simulation.scene import CameraRange, ScenePlan, Surface
from psg_ros.simulation.templates.decoration import (
    add_cabinet,
    add_cardboard_box,
    add_picture,
    add_pillow,
    add_window,
    scatter_clutter,
)
from psg_ros.simulation.templates.people import lay_person, put_person, seat_person
from psg_ros.simulation.templates.placing import DROP_M, hang_curtain, put, random_yaw
from psg_ros.simulation.templates.room_shell import enclose
from psg_ros.simulation.things.furniture import BED_TOP

ON_BED = ("teddy bear", "book", "laptop", "backpack", "suitcase", "keyboard", "clock")
BEDSIDE = ("clock", "clock", "cup", "potted plant", "book", "wine glass", "vase", "bottle")
FLOOR = ("truck", "backpack", "backpack", "suitcase", "skateboard", "teddy bear", "sports ball",
         "book", "chair")  # fmt: skip
SCALE = 1.4


def bedroom(rng: np.random.Generator) -> ScenePlan:
    """Furnish a bedroom; the back wall is y = 0, the bed's head stands against it."""
    plan = ScenePlan()
    floor, wall = enclose(plan, rng, half_width=2.4, back_y=0.0, front_y=-5.0)
    x, scale = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.85, 1.0))
    shape = THINGS["bed"].build(rng, scale)
    half_x, half_y = shape.parts[1].size[:2]
    pos = (x, -half_y - 0.06, 0.0)
    bed = plan.add("bed", shape, pos, fixed=True)
    plan.rests.append((bed, floor))
    top = BED_TOP * scale + 0.02
    _bedside(plan, rng, floor, wall, bed_x=x, half_x=half_x)
    lying = rng.random() < 0.25
    for side in (-0.45, 0.45) if half_x > 0.55 else (0.0,):
        height = top + (0.2 if lying else 0.01)
        if not lying:
            add_pillow(plan, rng, (x + side * half_x, -0.32, height), scale=scale)
    if lying:
        lay_person(plan, rng, bed, (*pos[:2], top), scale=0.98 * scale)
    else:
        surface = Surface(bed, (x, pos[1] - 0.2), (half_x - 0.08, half_y - 0.4), top)
        _on_bed(plan, rng, surface, edge_y=pos[1] - half_y)
    aside = Surface(floor, (x + (half_x + 0.55) * rng.choice([-1, 1]), -1.5), (0.4, 0.6), 0.0)
    _on_floor(plan, rng, aside)
    plan.cameras = CameraRange((x, -1.0, 0.5), (2.0, 2.9), (-35, 35), (15, 34))
    return plan


def _bedside(
    plan: ScenePlan,
    rng: np.random.Generator,
    floor: int,
    wall: int,
    *,
    bed_x: float,
    half_x: float,
) -> None:
    """A cabinet beside the head and things on the wall above."""
    side = rng.choice([-1.0, 1.0])
    half = (rng.uniform(0.22, 0.32), rng.uniform(0.2, 0.25))
    x = bed_x + side * (half_x + half[0] + 0.08)
    if rng.random() < 0.8:
        top = add_cabinet(
            plan, rng, floor, x=x, wall_y=0.0, half=half, height=rng.uniform(0.4, 0.6)
        )
        for _ in range(rng.integers(1, 3)):
            put(plan, rng, str(rng.choice(BEDSIDE)), top, SCALE)
    wish = rng.random()
    if wish < 0.45:
        add_window(plan, rng, wall, x=bed_x + rng.uniform(-0.5, 0.5), z=1.45, wall_y=0.0)
    elif wish < 0.75:
        add_picture(plan, rng, wall, x=bed_x, z=float(rng.uniform(1.2, 1.4)), wall_y=0.0)
    if rng.random() < 0.35:
        x = bed_x - side * (half_x + 0.35)
        hang_curtain(
            plan, rng, wall, x=x, top=1.75, wall_y=0.0, half_width=rng.uniform(0.2, 0.32), drop=1.6
        )


def _on_bed(plan: ScenePlan, rng: np.random.Generator, surface: Surface, *, edge_y: float) -> None:
    """Things on the blanket, or somebody on the foot of the bed."""
    if rng.random() < 0.35:
        x = float(surface.centre[0] + rng.uniform(-0.15, 0.15))
        seat_person(plan, rng, surface.item, (x, edge_y + 0.14, surface.height), UNTURNED)
        surface.taken.append((x, edge_y + 0.14, 0.3))
    for _ in range(rng.integers(1, 4)):
        label = str(rng.choice(ON_BED))
        shape = THINGS[label].build(rng, 0.8 if label == "suitcase" else 1.2)
        place = surface.find(rng, min(shape.radius, 0.24))
        if place is not None:
            pos = (*place, surface.height + 0.01 + DROP_M)
            plan.add(label, shape, pos, random_yaw(label, rng))


def _on_floor(plan: ScenePlan, rng: np.random.Generator, ground: Surface) -> None:
    """Beside the bed: somebody, a box, a few things."""
    if rng.random() < 0.3:
        put_person(plan, rng, ground)
    if rng.random() < 0.3:
        add_cardboard_box(plan, rng, ground)
    for _ in range(rng.integers(1, 4)):
        label = str(rng.choice(FLOOR))
        put(plan, rng, label, ground, 0.9 if label in ("suitcase", "chair") else SCALE)
    scatter_clutter(plan, rng, ground, int(rng.integers(0, 3)), 1.3)
