# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A room with furniture along the back wall and things on the floor."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import surroundings
from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import turn
from psg_ros.simulation.scene import CameraRange, ScenePlan, Surface
from psg_ros.simulation.templates.decoration import (
    add_cabinet,
    add_cardboard_box,
    add_picture,
    add_tv,
    add_window,
    lay_umbrella,
    scatter_clutter,
    stand_pillow,
)
from psg_ros.simulation.templates.people import put_person, seat_person
from psg_ros.simulation.templates.placing import (
    DROP_M,
    Z,
    hang_curtain,
    lean,
    mount_clock,
    mount_shelf,
    put,
    put_fallen,
    random_yaw,
    throw_thing,
)
from psg_ros.simulation.templates.room_shell import enclose

FLOOR_THINGS = (
    "truck",
    "truck",
    "suitcase",
    "suitcase",
    "potted plant",
    "vase",
    "teddy bear",
    "sports ball",
    "chair",
    "chair",
    "chair",
    "book",
    "book",
    "skateboard",
    "skateboard",
    "backpack",
    "backpack",
)
SEAT_THINGS = ("teddy bear", "teddy bear", "book", "book", "laptop", "laptop", "sports ball",
               "backpack", "keyboard")  # fmt: skip
SCALES = {
    "truck": 1.7,
    "potted plant": 2.0,
    "vase": 1.8,
    "teddy bear": 1.7,
    "sports ball": 1.5,
    "book": 1.7,
    "laptop": 1.3,
    "suitcase": 0.95,
    "chair": 0.95,
    "clock": 1.8,
    "bottle": 1.6,
    "bowl": 1.6,
    "backpack": 1.3,
    "skateboard": 1.2,
    "keyboard": 1.3,
    "tv": 1.0,
}


def living_room(rng: np.random.Generator) -> ScenePlan:
    """Furnish a room; the back wall is y = 0, cameras look at it from the front."""
    plan = ScenePlan()
    floor, wall = enclose(plan, rng, half_width=2.3, back_y=0.0, front_y=-4.8)
    ground = Surface(floor, (0.0, -0.95), (1.05, 0.95), 0.0)
    if rng.random() < 0.5:
        ground = _lay_rug(plan, rng, floor)
    seated = rng.random() < 0.35
    seat = _couch(plan, rng, ground, fixed=seated) if rng.random() < 0.5 else None
    _wall_decoration(plan, rng, wall, over_couch=seat is not None)
    if seat is not None:
        _furnish_seat(plan, rng, seat, seated=seated)
    elif rng.random() < 0.65:
        _television(plan, rng, ground)
    elif rng.random() < 0.75:
        _lean_on_wall(plan, rng, ground)
    standing = put_person(plan, rng, ground) if rng.random() < 0.38 else None
    _furnish_floor(plan, rng, ground, couch=seat)
    scatter_clutter(plan, rng, ground, int(rng.integers(0, 3)), 1.5)
    plan.cameras = CameraRange((0, -0.55, 0.42), (2.1, 2.7), (-32, 32), (10, 32))
    if standing is not None:
        plan.cameras = CameraRange((0, -0.6, 0.76), (2.5, 3.3), (-32, 32), (6, 22))
    return plan


def _television(plan: ScenePlan, rng: np.random.Generator, ground: Surface) -> None:
    """A television on a low cabinet."""
    half, height = (rng.uniform(0.45, 0.65), rng.uniform(0.18, 0.22)), rng.uniform(0.35, 0.5)
    x = float(rng.uniform(-0.3, 0.3))
    floor = next(k for k, item in enumerate(plan.items) if item.label.startswith("floor"))
    top = add_cabinet(plan, rng, floor, x=x, wall_y=0.0, half=half, height=height)
    ground.taken += [(x + k * half[0], -half[1], half[1] + 0.05) for k in (-0.8, -0.3, 0.3, 0.8)]
    shape = THINGS["tv"].build(rng, SCALES["tv"])
    pos = (x, top.centre[1] + 0.03, height + DROP_M)
    plan.add("tv", shape, pos, turn(Z, rng.uniform(-8, 8)))
    for side in (-1, 1):
        if half[0] > 0.55 and rng.random() < 0.4:
            end = Surface(
                top.item, (x + side * (half[0] - 0.07), top.centre[1]), (0.1, 0.1), height
            )
            put(plan, rng, str(rng.choice(["cup", "bottle", "donut"])), end, 1.1)


def _lay_rug(plan: ScenePlan, rng: np.random.Generator, floor: int) -> Surface:
    """A rug on which the things of the room are put."""
    half = (rng.uniform(0.8, 1.15), rng.uniform(0.5, 0.7))
    centre = (float(rng.uniform(-0.15, 0.15)), -0.95 - half[1] + 0.45)
    rug = plan.add("rug-merged", surroundings.rug(half), (*centre, 0.0), fixed=True)
    plan.rests.append((rug, floor))
    return Surface(rug, centre, half, 0.01)


def _couch(plan: ScenePlan, rng: np.random.Generator, ground: Surface, *, fixed: bool) -> int:
    """A couch with its back to the wall; the floor in front of it stays free."""
    shape = THINGS["couch"].build(rng, 0.9)
    depth = shape.parts[0].size[1]
    x = float(rng.uniform(-0.25, 0.25))
    # High enough for the rug, should the couch stand on it.
    pos = (x, -depth - 0.03, ground.height if fixed else 0.012)
    couch = plan.add("couch", shape, pos, fixed=fixed)
    if fixed:
        plan.rests.append((couch, ground.item))
    for offset in np.linspace(-1, 1, 7) * (shape.radius - 0.3):
        ground.taken.append((x + float(offset), -depth - 0.03, depth))
    return couch


def _furnish_seat(plan: ScenePlan, rng: np.random.Generator, couch: int, *, seated: bool) -> None:
    """Perhaps somebody, up to two things and a pillow on the cushions."""
    item = plan.items[couch]
    half = (item.shape.radius - 0.22, 0.24)
    seat = Surface(couch, (item.pos[0], item.pos[1] - 0.12), half, item.pos[2] + 0.43)
    if seated:
        x = float(item.pos[0] + rng.uniform(-0.35, 0.35))
        cushion = (x, seat.centre[1] - 0.02, item.pos[2] + 0.47 * 0.9)
        seat_person(plan, rng, couch, cushion, turn(Z, rng.uniform(-15, 15)), ground=item.pos[2])
        seat.taken.append((x, seat.centre[1], 0.24))
    if rng.random() < 0.45:
        x = float(item.pos[0] + rng.choice([-1, 1]) * (item.shape.radius - 0.4))
        if seat.is_free(x, seat.centre[1], 0.2):
            stand_pillow(plan, rng, (x, seat.centre[1] + 0.05, seat.height))
            seat.taken.append((x, seat.centre[1], 0.2))
    for _ in range(rng.integers(0, 3)):
        label = str(rng.choice(SEAT_THINGS))
        shape = THINGS[label].build(rng, SCALES[label] * 0.9)
        place = seat.find(rng, min(shape.radius, 0.2))
        if place is not None:
            plan.add(label, shape, (*place, seat.height + DROP_M), random_yaw(label, rng))


def _lean_on_wall(plan: ScenePlan, rng: np.random.Generator, ground: Surface) -> None:
    """A suitcase or a large book against the back wall, where no rug reaches."""
    label = str(rng.choice(["suitcase", "book"]))
    bare = Surface(ground.item, (0, 0), (2, 2), 0.0, ground.taken)
    lean(plan, rng, label, bare, x=float(rng.uniform(-0.7, 0.7)), plane_y=0.0, scale=SCALES[label])


def _wall_decoration(
    plan: ScenePlan, rng: np.random.Generator, wall: int, *, over_couch: bool
) -> None:
    """A clock, a shelf with things, a picture, a window, a television, a curtain."""
    wish, x = rng.random(), float(rng.uniform(-0.55, 0.55))
    low = 1.0 if over_couch else 0.75
    if wish < 0.3:
        mount_clock(
            plan, rng, wall, x=x, z=low + rng.uniform(0.1, 0.25), wall_y=0.0, scale=SCALES["clock"]
        )
    elif wish < 0.5:
        board = mount_shelf(
            plan,
            rng,
            wall,
            x=x,
            z=low + rng.uniform(0.0, 0.12),
            wall_y=0.0,
            half_width=rng.uniform(0.35, 0.55),
        )
        for label in rng.choice(["vase", "potted plant", "clock", "bottle"], 2):
            put(plan, rng, str(label), board, 1.05)
    elif wish < 0.6:
        add_picture(plan, rng, wall, x=x, z=low + 0.3, wall_y=0.0)
    elif wish < 0.7:
        add_window(plan, rng, wall, x=x, z=low + 0.55, wall_y=0.0)
    elif wish < 0.78 and over_couch:
        add_tv(plan, rng, wall, x=x, z=low, wall_y=0.0)
    if rng.random() < 0.3:
        side = rng.choice([-1.0, 1.0])
        hang_curtain(
            plan,
            rng,
            wall,
            x=side * rng.uniform(0.85, 1.15),
            top=rng.uniform(1.5, 1.8),
            wall_y=0.0,
            half_width=rng.uniform(0.22, 0.4),
            drop=rng.uniform(1.2, 1.45),
        )


def _furnish_floor(
    plan: ScenePlan, rng: np.random.Generator, ground: Surface, *, couch: int | None
) -> None:
    """Things on the floor or rug, a teddy bear on a chair, perhaps a ball thrown at one of them."""
    wanted = int(rng.integers(3, 7))
    placed = couch
    if couch is None and rng.random() < 0.3:
        placed = _person_on_chair(plan, rng, ground)
    if rng.random() < 0.2:
        add_cardboard_box(plan, rng, ground, scale=1.2)
    if rng.random() < 0.12:
        lay_umbrella(plan, rng, ground)
    for _ in range(wanted * 2):
        if sum(item.is_thing for item in plan.items) >= wanted:
            break
        label = str(rng.choice(FLOOR_THINGS))
        fallen = rng.random() < 0.1 and label in ("vase", "suitcase", "truck")
        index = (put_fallen if fallen else put)(plan, rng, label, ground, SCALES[label])
        if index is None:
            continue
        placed = index
        if label == "chair" and rng.random() < 0.6:
            _seat_on_chair(plan, rng, index)
    if placed is not None and rng.random() < 0.2:
        throw_thing(plan, rng, placed, 1.4)


def _seat_on_chair(plan: ScenePlan, rng: np.random.Generator, chair: int) -> None:
    """A teddy bear on the seat, facing where the chair faces."""
    item = plan.items[chair]
    seat = item.shape.parts[0]
    shape = THINGS["teddy bear"].build(rng, 1.35)
    height = item.pos[2] + seat.pos[2] + seat.size[2] + DROP_M
    quat = item.quat if rng.random() < 0.8 else turn(Z, rng.uniform(-40, 40))
    plan.add("teddy bear", shape, (*item.pos[:2], height), quat)


def _person_on_chair(plan: ScenePlan, rng: np.random.Generator, ground: Surface) -> int | None:
    """Somebody on a chair of his own, which stays where it is."""
    shape = THINGS["chair"].build(rng, SCALES["chair"])
    place = ground.find(rng, shape.radius + 0.12)
    if place is None:
        return None
    quat = random_yaw("chair", rng)
    chair = plan.add("chair", shape, (*place, ground.height), quat, fixed=True)
    plan.rests.append((chair, ground.item))
    seat = shape.parts[0]
    pos = (*place, ground.height + seat.pos[2] + seat.size[2])
    seat_person(plan, rng, chair, pos, quat, ground=ground.height)
    return chair
