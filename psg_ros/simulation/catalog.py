# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the simulated world, each thing beside the functions that build and paint it.

Names are PSG's; the order is the label order of ``config/labels/simulation.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from psg_ros.simulation.colours import Palette
from psg_ros.simulation.geometry import Shape
from psg_ros.simulation.things import (
    appliances,
    belongings,
    fruit,
    furniture,
    outing,
    party,
    people,
    tableware,
)


@dataclass(frozen=True)
class ThingKind:
    """One class of things.

    Attributes:
        build: (random generator, scale) -> shape; scale 1 is the size for a tabletop, furniture
            is life-size.
        paint: random generator -> colours of the shape's roles.
        upright: Predicate towards what supports it while its own z axis points up.
        tipped: The same once it lies on its side.
        rolls: Has no sides: stays upright whatever its turn.
    """

    build: Callable[[np.random.Generator, float], Shape]
    paint: Callable[[np.random.Generator], Palette]
    upright: str = "on"
    tipped: str = "on"
    rolls: bool = False


THINGS: dict[str, ThingKind] = {
    "bottle": ThingKind(tableware.bottle, tableware.bottle_palette, "standing on", "lying on"),
    "cup": ThingKind(tableware.cup, tableware.cup_palette, "on", "lying on"),
    "bowl": ThingKind(tableware.bowl, tableware.bowl_palette),
    "banana": ThingKind(fruit.banana, fruit.banana_palette, "lying on", "lying on"),
    "apple": ThingKind(fruit.apple, fruit.apple_palette, rolls=True),
    "orange": ThingKind(fruit.orange, fruit.orange_palette, rolls=True),
    # A book is built flat, so "upright" is the flat one.
    "book": ThingKind(belongings.book, belongings.book_palette, "lying on", "standing on"),
    "laptop": ThingKind(belongings.laptop, belongings.laptop_palette),
    "vase": ThingKind(tableware.vase, tableware.vase_palette, "standing on", "lying on"),
    "potted plant": ThingKind(
        tableware.potted_plant, tableware.potted_plant_palette, "standing on", "lying on"
    ),
    "teddy bear": ThingKind(
        belongings.teddy_bear, belongings.teddy_bear_palette, "sitting on", "lying on"
    ),
    "chair": ThingKind(furniture.chair, furniture.chair_palette, "standing on", "lying on"),
    "couch": ThingKind(furniture.couch, furniture.couch_palette),
    "sports ball": ThingKind(belongings.sports_ball, belongings.sports_ball_palette, rolls=True),
    "clock": ThingKind(furniture.clock, furniture.clock_palette, "standing on", "lying on"),
    "suitcase": ThingKind(
        belongings.suitcase, belongings.suitcase_palette, "standing on", "lying on"
    ),
    "truck": ThingKind(belongings.truck, belongings.truck_palette, "parked on", "lying on"),
    "person": ThingKind(people.person, people.person_palette, "standing on", "lying on"),
    "umbrella": ThingKind(outing.umbrella, outing.umbrella_palette, "standing on", "lying on"),
    "backpack": ThingKind(outing.backpack, outing.backpack_palette, "standing on", "lying on"),
    "skateboard": ThingKind(outing.skateboard, outing.skateboard_palette, "on", "lying on"),
    "wine glass": ThingKind(party.wine_glass, party.wine_glass_palette, "standing on", "lying on"),
    "donut": ThingKind(party.donut, party.donut_palette, rolls=True),
    "bed": ThingKind(furniture.bed, furniture.bed_palette),
    "tv": ThingKind(appliances.tv, appliances.tv_palette, "standing on", "lying on"),
    "keyboard": ThingKind(appliances.keyboard, appliances.keyboard_palette, "lying on"),
    "microwave": ThingKind(appliances.microwave, appliances.microwave_palette),
    "refrigerator": ThingKind(
        appliances.refrigerator, appliances.refrigerator_palette, "standing on", "lying on"
    ),
    "sink": ThingKind(appliances.sink, appliances.sink_palette),
}

THING_CLASSES: tuple[str, ...] = tuple(THINGS)
STUFF_CLASSES: tuple[str, ...] = (
    "wall-other-merged",
    "wall-brick",
    "floor-wood",
    "floor-other-merged",
    "table-merged",
    "rug-merged",
    "shelf",
    "curtain",
    "cabinet-merged",
    "counter",
    "door-stuff",
    "window-other",
    "pillow",
    "cardboard",
)
CLASSES: tuple[str, ...] = THING_CLASSES + STUFF_CLASSES
PREDICATES: tuple[str, ...] = (
    "over",
    "in front of",
    "beside",
    "on",
    "in",
    "attached to",
    "hanging from",
    "sitting on",
    "lying on",
    "standing on",
    "leaning on",
    "touching",
    "enclosing",
    "parked on",
    "about to hit",
    "holding",
    "carrying",
    "walking on",
    "riding",
)
# Label of items that belong to no class; their pixels are void.
CLUTTER = "clutter"
