# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ways of putting things into a plan: standing free, fallen, leaning, mounted, thrown."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import surroundings
from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import Vector, combine, rotate, turn
from psg_ros.simulation.scene import Mount, ScenePlan, Surface

DROP_M = 0.004
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
# Things with a front keep it within this many degrees of the camera's side.
_FRONT_TURN_DEG = {"laptop": 35, "teddy bear": 60, "clock": 25, "couch": 0, "chair": 70,
    "tv": 30, "keyboard": 40, "backpack": 60, "microwave": 25, "suitcase": 70}  # fmt: skip

THROWN = ("sports ball", "sports ball", "sports ball", "apple", "orange", "cup", "book", "donut",
          "teddy bear", "bottle")  # fmt: skip


def random_yaw(label: str, rng: np.random.Generator) -> Vector:
    """A turn about the vertical that still shows the thing's front, if it has one."""
    limit = _FRONT_TURN_DEG.get(label, 180)
    return turn(Z, rng.uniform(-limit, limit))


def put(
    plan: ScenePlan, rng: np.random.Generator, label: str, surface: Surface, scale: float = 1.0
) -> int | None:
    """A thing upright on a free place; its item index, or None if there is no room."""
    shape = THINGS[label].build(rng, scale)
    place = surface.find(rng, shape.radius)
    if place is None:
        return None
    return plan.add(label, shape, (*place, surface.height + DROP_M), random_yaw(label, rng))


def put_fallen(
    plan: ScenePlan, rng: np.random.Generator, label: str, surface: Surface, scale: float = 1.0
) -> int | None:
    """A thing on its side: its own z axis level."""
    shape = THINGS[label].build(rng, scale)
    place = surface.find(rng, max(shape.height / 2, shape.radius))
    if place is None:
        return None
    quat = combine(turn(Z, rng.uniform(0, 360)), turn(Y, 90))
    # The base is at the origin, so the thing reaches from there along its turned axis.
    middle = np.asarray(place) - rotate(quat, (0, 0, shape.height / 2))[:2]
    height = surface.height + max(shape.radius, 0.02) + DROP_M
    return plan.add(label, shape, (*middle, height), quat)


def put_beside(
    plan: ScenePlan,
    rng: np.random.Generator,
    label: str,
    surface: Surface,
    neighbour: int,
    scale: float = 1.0,
) -> int | None:
    """A round thing so close to another round one that they touch."""
    shape = THINGS[label].build(rng, scale)
    other = plan.items[neighbour]
    reach = _true_radius(other.label, other.shape.radius) + _true_radius(label, shape.radius)
    for angle in rng.permutation(np.linspace(0, 2 * np.pi, 8, endpoint=False)):
        x = other.pos[0] + (reach + 0.001) * np.cos(angle)
        y = other.pos[1] + (reach + 0.001) * np.sin(angle)
        room = np.abs(np.array([x, y]) - surface.centre) + shape.radius < surface.half
        others = [
            t for t in surface.taken if np.hypot(t[0] - other.pos[0], t[1] - other.pos[1]) > 1e-6
        ]
        if room.all() and all(np.hypot(x - a, y - b) > shape.radius + r for a, b, r in others):
            surface.taken.append((x, y, shape.radius))
            return plan.add(label, shape, (x, y, surface.height + 0.001), random_yaw(label, rng))
    return None


def _true_radius(label: str, radius: float) -> float:
    """Radius of the collision body where the footprint was given with a margin."""
    return radius / {"bottle": 1.1 / 1.03, "vase": 1.05}.get(label, 1.0)


def fill_bowl(
    plan: ScenePlan, rng: np.random.Generator, surface: Surface, count: int, scale: float = 1.0
) -> int | None:
    """A bowl with fruit dropped into it; returns the bowl."""
    bowl = put(plan, rng, "bowl", surface, scale)
    if bowl is None:
        return None
    item, cavity = plan.items[bowl], plan.items[bowl].shape.cavity
    assert cavity is not None
    start = rng.uniform(0, 2 * np.pi)
    for index in range(count):
        label = str(rng.choice(["apple", "orange", "banana"], p=[0.4, 0.4, 0.2]))
        shape = THINGS[label].build(rng, scale)
        angle = start + 2 * np.pi * index / max(count, 1)
        aside = 0.0 if count == 1 else item.shape.radius * 0.4
        pos = (
            item.pos[0] + aside * np.cos(angle),
            item.pos[1] + aside * np.sin(angle),
            surface.height + cavity.floor + 0.02 + 0.02 * index,
        )
        plan.add(label, shape, pos, turn(Z, rng.uniform(0, 360)))
    return bowl


def lean(
    plan: ScenePlan,
    rng: np.random.Generator,
    label: str,
    surface: Surface,
    *,
    x: float,
    plane_y: float,
    scale: float = 1.0,
) -> int:
    """A book or suitcase that stands on the surface and whose top meets the plane y = plane_y.

    A book is built flat, its long edge along y, and is stood up first.
    """
    shape = THINGS[label].build(rng, scale)
    flat = label == "book"
    tilt = np.deg2rad(rng.uniform(16, 23) if flat else rng.uniform(27, 33))
    length = shape.parts[0].size[1] * 2 if flat else shape.height
    thickness = shape.height if flat else shape.parts[0].size[1] * 2
    # Turning by -tilt about x moves the top towards +y.
    if flat:
        quat = combine(turn(X, -np.degrees(tilt)), turn(X, 90))
        foot_to_origin = rotate(turn(X, -np.degrees(tilt)), (0, thickness, length / 2))
        y = plane_y - np.sin(tilt) * length - np.cos(tilt) * thickness - 0.002
        origin = np.array([x, y, surface.height + DROP_M + 1e-3]) + foot_to_origin
        origin[2] += np.sin(tilt) * thickness
    else:
        quat = turn(X, -np.degrees(tilt))
        back = rotate(quat, (0, thickness / 2, length))
        lowest = rotate(quat, (0, thickness / 2, 0))[2]
        origin = np.array([x, plane_y - back[1] - 0.002, surface.height + DROP_M - lowest])
    surface.taken.append((x, float(origin[1]), shape.radius * (0.7 if flat else 1.0)))
    return plan.add(label, shape, tuple(origin), quat)


def mount_clock(
    plan: ScenePlan,
    rng: np.random.Generator,
    wall: int,
    *,
    x: float,
    z: float,
    wall_y: float,
    scale: float,
) -> int:
    """A clock fixed to the wall whose surface is y = wall_y, its middle at (x, z)."""
    shape = THINGS["clock"].build(rng, scale)
    depth = shape.parts[0].size[1]
    pos = (x, wall_y - depth, z - shape.radius)
    item = plan.add("clock", shape, pos, fixed=True)
    plan.mounts.append(Mount(item, wall, (x, wall_y, z)))
    return item


def mount_shelf(
    plan: ScenePlan,
    rng: np.random.Generator,
    wall: int,
    *,
    x: float,
    z: float,
    wall_y: float,
    half_width: float,
) -> Surface:
    """A shelf fixed to the wall; returns the surface of its board."""
    depth = rng.uniform(0.2, 0.26)
    y = wall_y - depth / 2
    item = plan.add("shelf", surroundings.shelf(half_width, depth), (x, y, z), fixed=True)
    plan.mounts.append(Mount(item, wall, (x, wall_y, z - 0.09)))
    return Surface(item, (x, y), (half_width, depth / 2), z)


def hang_curtain(
    plan: ScenePlan,
    rng: np.random.Generator,
    wall: int,
    *,
    x: float,
    top: float,
    wall_y: float,
    half_width: float,
    drop: float,
) -> int:
    """A curtain on a rod in front of the wall."""
    pos = (x, wall_y - 0.06, top)
    item = plan.add("curtain", surroundings.curtain(half_width, drop), pos, fixed=True)
    plan.mounts.append(Mount(item, wall, (x, wall_y, top)))
    return item


def throw_thing(plan: ScenePlan, rng: np.random.Generator, target: int, scale: float) -> int:
    """A thing that will fly at the target; until then it waits out of everybody's way."""
    label = str(rng.choice(THROWN))
    shape = THINGS[label].build(rng, scale)
    quat = combine(turn(Z, rng.uniform(0, 360)), turn(X, rng.uniform(-60, 60)))
    item = plan.add(label, shape, (0.0, 0.0, 30.0), quat)
    plan.thrown = (item, target)
    return item
