# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of a scene: items with poses, what is mounted where, and where a camera may stand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import UNTURNED, Shape, Vector


@dataclass(frozen=True)
class Item:
    """One object of a scene before physics.

    Attributes:
        label: Class name.
        shape: Its parts.
        pos: Origin of the shape in the world, metres, z up.
        quat: Turn in the world.
        fixed: Welded to the world; otherwise it falls and settles.
    """

    label: str
    shape: Shape
    pos: Vector
    quat: Vector = UNTURNED
    fixed: bool = False

    @property
    def is_thing(self) -> bool:
        """Whether the item is countable; items of one stuff class become one segment."""
        return self.label in THINGS


@dataclass(frozen=True)
class Mount:
    """A fastening: item ``child`` is fixed to item ``parent`` at a world point.

    ``in_hand`` tells that the parent is a person and the point a hand, or the shoulders of whoever
    has a backpack on.
    """

    child: int
    parent: int
    point: Vector
    in_hand: bool = False


@dataclass(frozen=True)
class CameraRange:
    """Where cameras of a scene may be: around a target, angles in degrees.

    Azimuth 0 looks along +y (from the front), positive goes to the viewer's right.
    """

    target: Vector
    distance: tuple[float, float]
    azimuth: tuple[float, float]
    elevation: tuple[float, float]


@dataclass
class ScenePlan:
    """Collects the items of a scene while a template furnishes it.

    Attributes:
        items: Everything, in the order of placing.
        mounts: Fastenings between items.
        rests: (upper, lower) items that are both fixed, one standing on the other; the engine
            reports no contact between fixed bodies.
        thrown: Item that flies, with the item it is thrown at, or None.
        cameras: Where cameras may be.
    """

    items: list[Item] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)
    rests: list[tuple[int, int]] = field(default_factory=list)
    thrown: tuple[int, int] | None = None
    cameras: CameraRange = CameraRange((0.0, 0.0, 0.5), (1.5, 1.5), (0.0, 0.0), (25.0, 25.0))

    def add(
        self, label: str, shape: Shape, pos: Vector, quat: Vector = UNTURNED, *, fixed: bool = False
    ) -> int:
        """Append an item; returns its index."""
        pos = tuple(float(value) for value in pos)
        self.items.append(Item(label, shape, pos, quat, fixed))
        return len(self.items) - 1


@dataclass
class Surface:
    """A rectangle on which things are put without overlapping.

    Attributes:
        item: Item that carries it.
        centre: x, y in metres.
        half: Half extents in metres.
        height: z in metres.
        taken: Circles (x, y, radius) that are occupied.
    """

    item: int
    centre: tuple[float, float]
    half: tuple[float, float]
    height: float
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    def find(self, rng: np.random.Generator, radius: float) -> tuple[float, float] | None:
        """A free place for a circle, or None after 30 tries; the place becomes taken."""
        room = np.maximum(np.asarray(self.half) - radius, 0.0)
        for _ in range(30):
            x, y = np.asarray(self.centre) + rng.uniform(-room, room)
            if self.is_free(x, y, radius):
                self.taken.append((x, y, radius))
                return float(x), float(y)
        return None

    def is_free(self, x: float, y: float, radius: float) -> bool:
        """Whether a circle overlaps none of the taken ones."""
        return all(np.hypot(x - a, y - b) >= radius + r for a, b, r in self.taken)
