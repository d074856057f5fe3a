# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A hallway: a door, a cabinet, people who come and go with their things."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.scene import CameraRange, ScenePlan, Surface
from psg_ros.simulation.templates.decoration import (
    add_cabinet,
    add_cardboard_box,
    add_door,
    add_picture,
    add_window,
    lay_umbrella,
    scatter_clutter,
)
from psg_ros.simulation.templates.people import put_person
from psg_ros.simulation.templates.placing import lean, mount_clock, put, throw_thing
from psg_ros.simulation.templates.room_shell import enclose

ON_CABINET = ("vase", "potted plant", "clock", "book", "bottle", "cup", "backpack")
ON_FLOOR = ("skateboard", "skateboard", "skateboard", "backpack", "backpack", "umbrella",
            "umbrella", "suitcase", "sports ball", "chair", "potted plant",
            "truck", "truck")  # fmt: skip
_SCALES = {"suitcase": 0.9, "chair": 0.95, "potted plant": 2.0, "truck": 1.7, "umbrella": 1.0}


def hallway(rng: np.random.Generator) -> ScenePlan:
    """Furnish a hallway; the back wall is y = 0."""
    plan = ScenePlan()
    floor, wall = enclose(plan, rng, half_width=rng.uniform(1.5, 2.2), back_y=0.0, front_y=-5.0)
    side = float(rng.choice([-1.0, 1.0]))
    add_door(plan, rng, wall, x=side * float(rng.uniform(0.35, 0.8)), wall_y=0.0)
    ground = Surface(floor, (0.0, -0.9), (0.95, 0.6), 0.0)
    x = -side * float(rng.uniform(0.45, 0.75))
    if rng.random() < 0.5:
        half = (rng.uniform(0.3, 0.5), rng.uniform(0.16, 0.22))
        height = float(rng.uniform(0.6, 0.9))
        top = add_cabinet(plan, rng, floor, x=x, wall_y=0.0, half=half, height=height)
        ground.taken += [(x + k * half[0], -half[1], half[1] + 0.05) for k in (-0.7, 0.0, 0.7)]
        for label in rng.choice(ON_CABINET, int(rng.integers(1, 3))):
            put(plan, rng, str(label), top, 1.3)
    elif rng.random() < 0.5:
        lean(plan, rng, "suitcase", ground, x=x, plane_y=0.0, scale=0.95)
    _on_wall(plan, rng, wall, x)
    person = put_person(plan, rng, ground) if rng.random() < 0.75 else None
    _on_floor(plan, rng, ground)
    if person is not None and rng.random() < 0.15:
        throw_thing(plan, rng, person, 1.4)
    plan.cameras = CameraRange((0, -0.7, 0.55), (2.0, 2.7), (-30, 30), (8, 28))
    if person is not None:
        plan.cameras = CameraRange((0, -0.8, 0.82), (2.5, 3.3), (-30, 30), (4, 20))
    return plan


def _on_wall(plan: ScenePlan, rng: np.random.Generator, wall: int, x: float) -> None:
    wish = rng.random()
    if wish < 0.3:
        mount_clock(plan, rng, wall, x=x, z=1.3, wall_y=0.0, scale=1.7)
    elif wish < 0.6:
        add_picture(plan, rng, wall, x=x, z=1.3, wall_y=0.0)
    elif wish < 0.8:
        add_window(plan, rng, wall, x=x, z=1.45, wall_y=0.0)


def _on_floor(plan: ScenePlan, rng: np.random.Generator, ground: Surface) -> None:
    if rng.random() < 0.4:
        add_cardboard_box(plan, rng, ground, scale=1.15)
    for label in rng.choice(ON_FLOOR, int(rng.integers(2, 5))):
        if label == "umbrella":
            lay_umbrella(plan, rng, ground)
        else:
            put(plan, rng, str(label), ground, _SCALES.get(str(label), 1.4))
    scatter_clutter(plan, rng, ground, int(rng.integers(0, 3)), 1.5)
