# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A kitchen counter with sink and microwave, a refrigerator at its end."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import fittings
from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import turn
from psg_ros.simulation.scene import CameraRange, ScenePlan, Surface
from psg_ros.simulation.templates.decoration import (
    add_cabinet,
    add_window,
    mount,
    scatter_clutter,
)
from psg_ros.simulation.templates.people import put_person
from psg_ros.simulation.templates.placing import (
    Z,
    fill_bowl,
    mount_clock,
    mount_shelf,
    put,
    put_fallen,
    throw_thing,
)
from psg_ros.simulation.templates.room_shell import enclose

ON_COUNTER = ("cup", "cup", "bottle", "bottle", "wine glass", "wine glass", "wine glass", "donut",
              "donut", "donut", "apple", "orange", "banana", "vase", "potted plant", "bowl",
              "laptop")  # fmt: skip
IN_SINK = ("cup", "cup", "bowl", "apple", "orange", "wine glass")
ON_SHELF = ("cup", "bottle", "wine glass", "vase", "clock", "bowl")
SCALE = 1.35
TOP = 0.9


def kitchen(rng: np.random.Generator) -> ScenePlan:
    """Furnish a kitchen; the back wall is y = 0."""
    plan = ScenePlan()
    floor, wall = enclose(plan, rng, half_width=2.4, back_y=0.0, front_y=-4.6)
    half = (rng.uniform(0.75, 1.1), rng.uniform(0.29, 0.33))
    add_cabinet(plan, rng, floor, x=0.0, wall_y=0.0, half=half, height=TOP - 0.04)
    base = len(plan.items) - 1
    centre = (0.0, -half[1] - 0.02)
    top = plan.add(
        "counter", fittings.counter((half[0] + 0.02, half[1] + 0.02)), (*centre, TOP - 0.04),
        fixed=True,
    )  # fmt: skip
    plan.rests.append((top, base))
    close = rng.random() < 0.65
    span = min(half[0] - 0.05, 0.62) if close else half[0] - 0.05
    surface = Surface(top, centre, (span, half[1] - 0.03), TOP)
    _fit(plan, rng, surface)
    side = float(rng.choice([-1.0, 1.0]))
    if rng.random() < (0.25 if close else 0.85):
        _refrigerator(plan, rng, floor, x=side * (half[0] + 0.4))
    _on_wall(plan, rng, wall, side)
    _fill(plan, rng, surface)
    if close:
        plan.cameras = CameraRange((0, -0.25, TOP + 0.08), (1.15, 1.5), (-35, 35), (14, 38))
        return plan
    ground = Surface(floor, (-side * 0.2, -1.15), (0.7, 0.3), 0.0)
    if rng.random() < 0.7:
        put_person(plan, rng, ground)
    scatter_clutter(plan, rng, ground, int(rng.integers(0, 2)), 1.5)
    plan.cameras = CameraRange((side * 0.3, -0.6, 0.92), (2.2, 2.9), (-28, 28), (4, 20))
    return plan


def _fit(plan: ScenePlan, rng: np.random.Generator, surface: Surface) -> None:
    """Sink and microwave; both stay where they are."""
    for label, chance in (("sink", 0.6), ("microwave", 0.6)):
        if rng.random() > chance:
            continue
        shape = THINGS[label].build(rng, 1.0)
        place = surface.find(rng, shape.radius * 0.85)
        if place is None:
            continue
        y = surface.centre[1] + (0.05 if label == "microwave" else 0.0)
        surface.taken.append((place[0], y, shape.radius * 0.9))
        pos = (place[0], y, surface.height)
        quat = turn(Z, rng.uniform(-8, 8) if label == "microwave" else 0.0)
        item = plan.add(label, shape, pos, quat, fixed=True)
        plan.rests.append((item, surface.item))
        if label == "sink":
            _fill_sink(plan, rng, item)
        elif rng.random() < 0.4:
            _on_top(plan, rng, item)


def _fill_sink(plan: ScenePlan, rng: np.random.Generator, sink: int) -> None:
    """Up to two things in the basin."""
    item, count = plan.items[sink], int(rng.integers(0, 3))
    assert item.shape.cavity is not None
    for number in range(count):
        label = str(rng.choice(IN_SINK))
        shape = THINGS[label].build(rng, 1.15 if label != "bowl" else 0.85)
        aside = 0.0 if count == 1 else (number - 0.5) * 0.24
        pos = (
            item.pos[0] + aside,
            item.pos[1] - 0.03,
            item.pos[2] + item.shape.cavity.floor + 0.01,
        )
        plan.add(label, shape, pos, turn(Z, rng.uniform(0, 360)))


def _on_top(plan: ScenePlan, rng: np.random.Generator, box: int) -> None:
    """Something on the microwave."""
    item = plan.items[box]
    top = Surface(box, (item.pos[0], item.pos[1]), (0.2, 0.14), item.pos[2] + item.shape.height)
    put(plan, rng, str(rng.choice(["bowl", "cup", "vase", "potted plant", "clock"])), top, 1.0)


def _refrigerator(plan: ScenePlan, rng: np.random.Generator, floor: int, *, x: float) -> None:
    item = plan.add(
        "refrigerator", THINGS["refrigerator"].build(rng, 1.0), (x, -0.36, 0.0), fixed=True
    )
    plan.rests.append((item, floor))


def _on_wall(plan: ScenePlan, rng: np.random.Generator, wall: int, side: float) -> None:
    """A window, hanging cabinets or a shelf above the counter, perhaps a clock."""
    wish, x = rng.random(), float(-side * rng.uniform(0.0, 0.4))
    if wish < 0.4:
        add_window(plan, rng, wall, x=x, z=1.55, wall_y=0.0)
    elif wish < 0.7:
        shape = fittings.cabinet((rng.uniform(0.35, 0.6), 0.17), 0.6, doors=2)
        mount(plan, "cabinet-merged", shape, wall, (x, -0.17, rng.uniform(1.35, 1.5)))
    elif wish < 0.9:
        board = mount_shelf(plan, rng, wall, x=x, z=rng.uniform(1.35, 1.45), wall_y=0.0,
                            half_width=rng.uniform(0.35, 0.5))  # fmt: skip
        for label in rng.choice(ON_SHELF, int(rng.integers(1, 4))):
            put(plan, rng, str(label), board, 1.1)
    if rng.random() < 0.3:
        mount_clock(plan, rng, wall, x=x + 0.75 * side, z=1.5, wall_y=0.0, scale=1.3)


def _fill(plan: ScenePlan, rng: np.random.Generator, surface: Surface) -> None:
    """Crockery and food; sometimes something is thrown at one of them."""
    if rng.random() < 0.25:
        fill_bowl(plan, rng, surface, int(rng.integers(1, 3)), SCALE)
    if rng.random() < 0.15:
        put_fallen(plan, rng, str(rng.choice(["bottle", "cup", "wine glass"])), surface, SCALE)
    placed = None
    for label in rng.choice(ON_COUNTER, int(rng.integers(2, 6))):
        index = put(plan, rng, str(label), surface, SCALE)
        placed = index if index is not None else placed
    scatter_clutter(plan, rng, surface, int(rng.integers(0, 3)), 1.1)
    if placed is not None and rng.random() < 0.12:
        throw_thing(plan, rng, placed, SCALE)
