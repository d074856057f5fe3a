# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ways of putting people into a plan: standing, walking, riding, seated, lying, with things.

People do not move: they are fixed items that rest on what carries them.
"""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import Shape, Vector, combine, rotate, turn
from psg_ros.simulation.scene import Mount, ScenePlan, Surface
from psg_ros.simulation.templates.placing import X, Z
from psg_ros.simulation.things.people import seated_person, standing_person, walking_person

ROOM_PER_PERSON = 0.27
HELD = ("cup", "book", "bottle", "wine glass", "teddy bear", "sports ball", "umbrella", "umbrella",
        "umbrella", "umbrella", "umbrella", "apple", "donut", "laptop", "potted plant")  # fmt: skip
SEATED_HELD = ("cup", "book", "book", "bottle", "wine glass", "teddy bear", "donut")
CARRIED = ("suitcase", "suitcase", "backpack", "backpack")
# Larger than life, because a hand-sized thing would cover only a few pixels.
_SCALES = {"umbrella": 1.0, "suitcase": 0.75, "backpack": 1.0, "teddy bear": 1.3, "laptop": 1.2,
           "sports ball": 1.2, "potted plant": 1.3, "book": 1.5}  # fmt: skip


def put_person(
    plan: ScenePlan, rng: np.random.Generator, ground: Surface, *, scale: float = 1.0
) -> int | None:
    """Somebody who stands or walks on a free place, mostly with things in the hands.

    Returns:
        The item, or None if there is no room.
    """
    place = ground.find(rng, ROOM_PER_PERSON)
    if place is None:
        return None
    wishes = [_wish(rng), _wish(rng)]
    walks = rng.random() < 0.42
    build = walking_person if walks else standing_person
    shape = build(rng, scale, arms=(_arm(wishes[0]), _arm(wishes[1])))
    pos: Vector = (*place, ground.height)
    support = ground.item
    if not walks and rng.random() < 0.55:
        pos, support = _under_feet(plan, rng, ground, place)
    limit = 120 if walks else 60
    person = plan.add("person", shape, pos, turn(Z, rng.uniform(-limit, limit)), fixed=True)
    plan.rests.append((person, support))
    for side, wish in enumerate(wishes):
        if wish is not None:
            give(plan, rng, person, side, wish)
    if rng.random() < 0.2:
        put_on_backpack(plan, rng, person)
    return person


def put_on_backpack(plan: ScenePlan, rng: np.random.Generator, person: int) -> int:
    """A backpack on somebody's back, its loop between the shoulders; returns its item."""
    holder = plan.items[person]
    height = holder.shape.height
    shape = THINGS["backpack"].build(rng, 1.0)
    assert shape.handle is not None
    quat = combine(holder.quat, turn(Z, 180))
    depth = shape.parts[0].size[1]
    offset = (0.0, 0.06 * height + depth, 0.84 * height - shape.handle[2])
    origin = np.asarray(holder.pos) + rotate(holder.quat, offset)
    item = plan.add("backpack", shape, tuple(origin), quat, fixed=True)
    loop = origin + np.array([0.0, 0.0, shape.handle[2]])
    plan.mounts.append(Mount(item, person, tuple(float(v) for v in loop), in_hand=True))
    return item


def _wish(rng: np.random.Generator) -> str | None:
    """What a hand shall have: something to hold, something to carry, or nothing."""
    wish = rng.random()
    if wish < 0.36:
        return str(rng.choice(HELD))
    return str(rng.choice(CARRIED)) if wish < 0.56 else None


def _arm(wish: str | None) -> str:
    if wish is None:
        return "down"
    if wish == "umbrella":
        return "raised"
    return "carry" if wish in CARRIED else "bent"


def _under_feet(
    plan: ScenePlan, rng: np.random.Generator, ground: Surface, place: tuple[float, float]
) -> tuple[Vector, int]:
    """A skateboard at a place; returns where feet are on it, and the item."""
    shape = THINGS["skateboard"].build(rng, 1.1)
    quat = turn(Z, rng.uniform(-70, 70))
    board = plan.add("skateboard", shape, (*place, ground.height), quat, fixed=True)
    plan.rests.append((board, ground.item))
    return (*place, ground.height + shape.height), board


def give(plan: ScenePlan, rng: np.random.Generator, person: int, side: int, label: str) -> int:
    """Put a thing into the left (0) or right (1) hand; returns its item."""
    holder = plan.items[person]
    shape = THINGS[label].build(rng, _SCALES.get(label, 1.25))
    quat = combine(holder.quat, _turn_in_hand(rng, label))
    hand = np.asarray(holder.pos) + rotate(holder.quat, holder.shape.hands[side])
    origin = hand - rotate(quat, _taken_at(shape, label))
    item = plan.add(label, shape, tuple(origin), quat, fixed=True)
    point = tuple(float(value) for value in hand)
    plan.mounts.append(Mount(item, person, point, in_hand=True))
    return item


def _turn_in_hand(rng: np.random.Generator, label: str) -> Vector:
    """How a thing is turned against its holder: books upright, cases along the leg."""
    if label == "book":
        return combine(turn(Z, rng.uniform(-20, 20)), turn(X, 90))
    if label in ("suitcase", "backpack"):
        return turn(Z, 90.0 if label == "suitcase" else rng.uniform(-30, 30))
    if label == "umbrella":
        return combine(turn(Z, rng.uniform(0, 360)), turn(X, rng.uniform(-12, 12)))
    return turn(Z, rng.uniform(-25, 25))


def _taken_at(shape: Shape, label: str) -> Vector:
    """The point of a thing that meets the hand, in the frame of the thing."""
    if shape.handle is not None:
        return shape.handle
    if label == "book":
        return (0.0, 0.0, -0.01)
    if label == "laptop":
        return (0.0, 0.06, -0.03)
    return (0.0, shape.radius * 0.8, shape.height * 0.45)


def seat_person(
    plan: ScenePlan,
    rng: np.random.Generator,
    support: int,
    place: Vector,
    quat: Vector,
    *,
    ground: float = 0.0,
) -> int:
    """Somebody on a seat whose surface is at ``place``; ``support`` must be fixed."""
    wish = str(rng.choice(SEATED_HELD)) if rng.random() < 0.7 else None
    arms = ("lap", "lap" if wish is None else "bent")
    shape = seated_person(rng, 1.0, place[2] - ground, arms=arms)
    person = plan.add("person", shape, place, quat, fixed=True)
    plan.rests.append((person, support))
    if wish is not None:
        give(plan, rng, person, 1, wish)
    return person


def seat_at_table(
    plan: ScenePlan, rng: np.random.Generator, floor: int, *, x: float, y: float
) -> int:
    """Somebody on a chair behind a table, who faces the camera; returns the person."""
    shape = THINGS["chair"].build(rng, 0.95)
    quat = turn(Z, rng.uniform(-15, 15))
    chair = plan.add("chair", shape, (x, y, 0.0), quat, fixed=True)
    plan.rests.append((chair, floor))
    seat = shape.parts[0]
    return seat_person(plan, rng, chair, (x, y - 0.03, seat.pos[2] + seat.size[2]), quat)


def lay_person(
    plan: ScenePlan, rng: np.random.Generator, support: int, centre: Vector, *, scale: float
) -> int:
    """Somebody on the back, head towards +y; ``centre`` is the middle of what carries him."""
    shape = standing_person(rng, scale)
    back = 0.07 * shape.height
    pos = (centre[0], centre[1] - shape.height / 2, centre[2] + back)
    person = plan.add("person", shape, pos, turn(X, -90), fixed=True)
    plan.rests.append((person, support))
    return person
