# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stuff and things -> one partition of the picture, with a score for every segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from psg_ros.labelling.recipe import MergeRecipe
from psg_ros.labelling.thing_masks import Thing
from psg_ros.scene_graph import VOID, Segmentation


@dataclass(frozen=True)
class Piece:
    """A candidate for a segment.

    Attributes:
        label: index in the vocabulary.
        score: 0..1.
        mask: bool [height, width].
    """

    label: int
    score: float
    mask: np.ndarray


def paint(
    stuff: np.ndarray,
    mirrored: np.ndarray,
    things: Sequence[Thing],
    stuff_labels: np.ndarray,
    thing_labels: dict[str, int],
    recipe: MergeRecipe,
    *,
    careful: bool,
) -> Segmentation:
    """Lay things over stuff, in their order: the large ones should come first.

    Args:
        stuff, mirrored: int32 [height, width]; see `psg_ros.labelling.scene.stuff_maps`.
        stuff_labels: int64 [stuff]; vocabulary index of each value of these maps.
        thing_labels: vocabulary index by name.
        careful: leave out stuff that the mirrored picture does not show, and small islands.

    Returns:
        The segmentation; things first.
    """
    on_top = np.full(stuff.shape, VOID, np.int32)
    for index, thing in enumerate(things):
        on_top[thing.box.window][thing.mask] = index
    pieces = [
        *_thing_pieces(on_top, things, thing_labels, recipe),
        *_stuff_pieces(stuff, mirrored, on_top, stuff_labels, recipe, careful),
    ]
    label_map = np.full(stuff.shape, VOID, np.int32)
    for index, piece in enumerate(pieces):
        label_map[piece.mask] = index
    labels = np.array([piece.label for piece in pieces], np.int64)
    scores = np.array([piece.score for piece in pieces], np.float32)
    return Segmentation(label_map, labels, scores)


def _thing_pieces(
    on_top: np.ndarray, things: Sequence[Thing], labels: dict[str, int], recipe: MergeRecipe
) -> Iterator[Piece]:
    for index, thing in enumerate(things):
        mask = on_top == index
        visible = np.count_nonzero(mask)
        if visible < recipe.min_thing_px:
            continue
        is_hidden = visible < recipe.least_visible * np.count_nonzero(thing.mask)
        trust = min(thing.trust, recipe.rough_trust) if is_hidden else thing.trust
        yield Piece(labels[thing.box.name], thing.box.score * trust, mask)


def _stuff_pieces(
    stuff: np.ndarray,
    mirrored: np.ndarray,
    on_top: np.ndarray,
    labels: np.ndarray,
    recipe: MergeRecipe,
    careful: bool,
) -> Iterator[Piece]:
    free = on_top == VOID
    for index in np.unique(stuff[free & (stuff >= 0)]).tolist():
        here, there = (stuff == index) & free, (mirrored == index) & free
        mask = (
            _without_islands(here & there, recipe.min_island_area * free.size) if careful else here
        )
        area = np.count_nonzero(mask)
        if area < recipe.min_stuff_area * free.size:
            continue
        agreed = np.count_nonzero(mask & there)
        yield Piece(int(labels[index]), agreed / np.count_nonzero(here | there), mask)


def _without_islands(mask: np.ndarray, least_px: float) -> np.ndarray:
    _, pieces, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = facts[:, cv2.CC_STAT_AREA] >= least_px
    large[0] = False  # what is not in the mask
    return large[pieces]
