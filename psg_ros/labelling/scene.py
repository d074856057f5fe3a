# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stuff of the semantic networks: who names a pixel, and what the rest of the picture allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psg_ros.labelling.recipe import SceneRule
from psg_ros.labelling.semantic import ClassMaps

UNNAMED = ""


def seen_classes(said: Sequence[ClassMaps], least_area: float, *, careful: bool) -> set[str]:
    """Return the names of the classes that cover at least a share of the picture.

    Args:
        careful: count only pixels where the mirrored picture shows the same.
    """
    seen = set()
    for answer in said:
        first = answer.maps[0]
        counted = first[answer.agreed] if careful else first
        areas = np.bincount(counted.ravel(), minlength=len(answer.classes))
        large = np.flatnonzero(areas > least_area * first.size)
        seen |= {answer.classes[index].name for index in large.tolist()}
    return seen


def believed(name: str, seen: set[str], rules: Sequence[SceneRule]) -> bool:
    """Whether no rule speaks against stuff of a class, beside what else is seen."""
    return all(
        (not rule.any_of or seen & set(rule.any_of)) and not seen & set(rule.none_of)
        for rule in rules
        if name in rule.classes
    )


def stuff_maps(
    said: Sequence[ClassMaps], stuff: Sequence[str], seen: set[str], rules: Sequence[SceneRule],
    *, careful: bool,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return which stuff each pixel is, by the picture and by its mirror image.

    Args:
        stuff: the names of all stuff; the maps hold places in it, -1 for none.
        careful: stuff that the rules speak against, or that lies where an earlier network sees a
            thing, is left out.

    Returns:
        Two int32 maps [height, width]; they are equal where nothing was mirrored.
    """
    places = {name: place for place, name in enumerate(stuff)}
    maps = []
    for turn in (0, -1):
        stuff_map = np.full(said[0].maps[0].shape, -1, np.int32)
        free = np.ones(stuff_map.shape, bool)
        for answer in said:
            names = [
                entry.stuff if not careful or believed(entry.name, seen, rules) else UNNAMED
                for entry in answer.classes
            ]
            table = np.array([places.get(name, -1) for name in names], np.int32)
            claims = np.array([
                careful and entry.claims and bool(entry.things) and not entry.stuff
                for entry in answer.classes
            ])  # fmt: skip
            classes = answer.maps[turn]
            named = free & (table[classes] >= 0)
            stuff_map[named] = table[classes][named]
            free &= ~(named | claims[classes])
        maps.append(stuff_map)
    return maps[0], maps[1]
