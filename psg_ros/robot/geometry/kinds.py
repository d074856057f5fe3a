# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What labels mean for geometry: what carries, what stands upright, what holds things inside.

By the names of PSG and COCO panoptic. A label of another vocabulary is a thing or stuff without
these properties: fewer rules speak of it, none says something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.labels import Vocabulary

GROUND = frozenset({
    "dirt-merged", "floor-other-merged", "floor-wood", "grass-merged", "gravel", "pavement-merged",
    "platform", "playingfield", "railroad", "river", "road", "rug-merged", "sand", "sea", "snow",
    "stairs", "water-other",
})  # fmt: skip
UPRIGHT = frozenset({
    "building-other-merged", "curtain", "door-stuff", "fence-merged", "house", "mirror-stuff",
    "net", "rock-merged", "wall-brick", "wall-other-merged", "wall-stone", "wall-tile",
    "wall-wood", "window-blind", "window-other",
})  # fmt: skip
CEILING = frozenset({"ceiling-merged", "roof"})
# Furniture and vehicles that carry what touches them from above.
CARRIERS = frozenset({
    "bed", "bench", "bicycle", "blanket", "boat", "cabinet-merged", "cardboard", "chair", "couch",
    "counter", "dining table", "elephant", "horse", "microwave", "motorcycle", "oven", "pillow",
    "refrigerator", "shelf", "skateboard", "skis", "snowboard", "suitcase", "surfboard",
    "table-merged", "toilet", "towel",
})  # fmt: skip
# What stands on the ground, and on nothing else.
HEAVY = frozenset({
    "airplane", "bed", "bench", "bicycle", "boat", "bus", "cabinet-merged", "car", "chair", "couch",
    "counter", "dining table", "motorcycle", "oven", "refrigerator", "table-merged", "toilet",
    "train", "truck",
})  # fmt: skip
CONTAINERS = frozenset({
    "backpack", "bowl", "cardboard", "cup", "handbag", "microwave", "oven", "refrigerator", "sink",
    "suitcase", "vase", "wine glass",
})  # fmt: skip
# Stuff that stands, lies or hangs somewhere like a thing.
MOVABLE_STUFF = frozenset({
    "banner", "blanket", "cabinet-merged", "cardboard", "counter", "flower", "food-other-merged",
    "fruit", "light", "mirror-stuff", "paper-merged", "pillow", "rug-merged", "shelf",
    "table-merged", "towel", "curtain", "window-blind",
})  # fmt: skip
# What is mounted on walls; other things in front of a wall mostly just stand there.
MOUNTED = frozenset({
    "banner", "clock", "curtain", "light", "mirror-stuff", "paper-merged", "shelf", "sink",
    "toilet", "towel", "traffic light", "stop sign", "tv", "window-blind",
})  # fmt: skip
# What hangs from a rail and rests on nothing, though its lower end may meet something.
HANGING = frozenset({"curtain", "window-blind"})
# How things mostly rest on what carries them; others, and people of any posture, are just "on" it.
POSTURES = {
    "standing on": frozenset({
        "bottle", "cabinet-merged", "chair", "dining table", "light", "potted plant",
        "refrigerator", "suitcase", "table-merged", "tv", "vase", "wine glass",
    }),
    "lying on": frozenset({
        "banana", "blanket", "book", "keyboard", "paper-merged", "pillow", "remote", "rug-merged",
        "towel",
    }),
}  # fmt: skip


@dataclass(frozen=True)
class Kinds:
    """bool [segment] each; a segment may be of several kinds.

    Attributes:
        movable: things, and stuff that lies or hangs somewhere like one; subjects of relations.
        carrier: holds up what touches it from above.
        heavy: stands on the ground, and on nothing else.
        hanging: rests on nothing.
    """

    thing: np.ndarray
    movable: np.ndarray
    ground: np.ndarray
    upright: np.ndarray
    ceiling: np.ndarray
    carrier: np.ndarray
    heavy: np.ndarray
    hanging: np.ndarray
    container: np.ndarray
    mounted: np.ndarray


class KindTable:
    """The kinds of a vocabulary's labels, looked up per segment."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        names = vocabulary.label_names
        self._thing = np.array([label.is_thing for label in vocabulary.labels], bool)
        self._sets = {
            kind: np.array([name in members for name in names], bool)
            for kind, members in (
                ("ground", GROUND),
                ("upright", UPRIGHT),
                ("ceiling", CEILING),
                ("carrier", CARRIERS | GROUND),
                ("heavy", HEAVY),
                ("hanging", HANGING),
                ("container", CONTAINERS),
                ("mounted", MOUNTED),
                ("movable", MOVABLE_STUFF),
            )
        }

    def __call__(self, labels: np.ndarray) -> Kinds:
        """Return the kinds of segments by their labels int64 [segment]."""
        columns = {kind: flags[labels] for kind, flags in self._sets.items()}
        thing = self._thing[labels]
        columns["movable"] = columns["movable"] | thing
        return Kinds(thing=thing, **columns)
