# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the box of a thing to its mask: what the semantic networks see in it, or GrabCut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from psg_ros.labelling.detector import Box
from psg_ros.labelling.grabcut import cut_out
from psg_ros.labelling.recipe import MergeRecipe
from psg_ros.labelling.semantic import ClassMaps

LEAST_PART = 0.3
"""Share of the box that one network's mask must fill to replace a union that fills it all."""
LEAST_CUT = 0.2
"""Share of the box below which GrabCut found nothing; an ellipse is nearer to the thing then."""


@dataclass(frozen=True)
class Thing:
    """A thing and its mask.

    Attributes:
        mask: bool [height of box, width of box].
        trust: factor on the score of the box, 0..1, for how the mask was made.
        is_seen: the mask is of the semantic networks.
    """

    box: Box
    mask: np.ndarray
    trust: float
    is_seen: bool

    @property
    def score(self) -> float:
        """Of box and mask, 0..1."""
        return self.box.score * self.trust


def find_thing(
    image_rgb: np.ndarray, box: Box, said: Sequence[ClassMaps], recipe: MergeRecipe
) -> Thing:
    """Return the thing in a box of an image uint8 [height, width, 3], RGB."""
    masks = list(_seen(box, said))
    seen = _joined(masks, box, recipe, image_rgb.shape[0] * image_rgb.shape[1])
    if seen is not None and np.count_nonzero(seen) > recipe.least_fill * box.area:
        thing = Thing(box, seen, 1.0, True)
    else:
        thing = _cut(image_rgb, box, recipe)
    return replace(thing, trust=recipe.rough_trust) if _is_box(thing, image_rgb, recipe) else thing


def share_between(things: Sequence[Thing]) -> list[Thing]:
    """Return the things with disjoint masks where two boxes of a class see the same pixels.

    Such a pixel goes to the box whose centre is nearer, measured in sizes of the box. Where one
    sees little else, it lies in front and is left alone.
    """
    masks = [thing.mask.copy() for thing in things]
    for i, thing in enumerate(things):
        for j, other in enumerate(things[:i]):
            if thing.box.name == other.box.name and thing.is_seen and other.is_seen:
                _share(things, masks, i, j)
    return [replace(thing, mask=mask) for thing, mask in zip(things, masks, strict=True)]


MOST_SHARED = 0.8
"""Share of its mask above which a thing lies in front of the other, not beside it."""


def _share(things: Sequence[Thing], masks: list[np.ndarray], i: int, j: int) -> None:
    a, b = things[i].box, things[j].box
    left, top = max(a.xyxy[0], b.xyxy[0]), max(a.xyxy[1], b.xyxy[1])
    right, bottom = min(a.xyxy[2], b.xyxy[2]), min(a.xyxy[3], b.xyxy[3])
    if left >= right or top >= bottom:
        return
    common = (left, top, right, bottom)
    part_a, part_b = _window(masks[i], a, common), _window(masks[j], b, common)
    both = part_a & part_b
    if not both.any() or both.sum() >= MOST_SHARED * masks[i].sum():
        return
    nearer = _distance(a, common) < _distance(b, common)
    part_a &= ~(both & ~nearer)
    part_b &= ~(both & nearer)


def _window(mask: np.ndarray, box: Box, xyxy: tuple[int, int, int, int]) -> np.ndarray:
    """Return the part of a box's mask within corners in px of the picture, as a view."""
    left, top = box.xyxy[:2]
    return mask[xyxy[1] - top : xyxy[3] - top, xyxy[0] - left : xyxy[2] - left]


def _distance(box: Box, xyxy: tuple[int, int, int, int]) -> np.ndarray:
    """Return float [height, width]: how far pixels lie from the centre, in sizes of the box."""
    left, top, right, bottom = box.xyxy
    rows, columns = np.ogrid[xyxy[1] : xyxy[3], xyxy[0] : xyxy[2]]
    x = np.abs(columns - (left + right) / 2) / (right - left)
    y = np.abs(rows - (top + bottom) / 2) / (bottom - top)
    return np.maximum(x, y)


def _seen(box: Box, said: Sequence[ClassMaps]) -> Iterator[np.ndarray]:
    """Yield the mask of each network that knows the thing."""
    for answer in said:
        chosen = np.array([box.name in entry.things for entry in answer.classes])
        if chosen.any():
            windows = tuple(one[box.window] for one in answer.maps)
            yield ClassMaps(answer.classes, windows).where(chosen)


def _joined(
    masks: Sequence[np.ndarray], box: Box, recipe: MergeRecipe, picture_px: int
) -> np.ndarray | None:
    """Return the union of masks; the least that is no full box where the union is one."""
    if not masks:
        return None
    union = np.logical_or.reduce(masks)
    most = recipe.most_fill * box.area
    ran_over = union.sum() > most and box.area < NEARLY_ALL * picture_px
    if ran_over and box.name not in recipe.boxy:
        parts = [mask for mask in masks if LEAST_PART * box.area < mask.sum() < most]
        return min(parts, key=np.count_nonzero, default=union)
    return union


NEARLY_ALL = 0.85
"""Share of the picture above which a thing may fill its box: it is cut off on all sides."""


def _cut(image_rgb: np.ndarray, box: Box, recipe: MergeRecipe) -> Thing:
    mask = cut_out(image_rgb, box, recipe.grabcut_px)
    fill = np.count_nonzero(mask) / box.area
    if fill < LEAST_CUT:
        return Thing(box, _ellipse(mask.shape), recipe.rough_trust, False)
    is_rough = fill < recipe.grabcut_fill
    return Thing(box, mask, recipe.rough_trust if is_rough else recipe.grabcut_trust, False)


def _is_box(thing: Thing, image_rgb: np.ndarray, recipe: MergeRecipe) -> bool:
    """Whether a mask is just the box, though things of its class are no boxes."""
    area, picture_px = thing.box.area, image_rgb.shape[0] * image_rgb.shape[1]
    is_full = bool(np.count_nonzero(thing.mask) > recipe.most_fill * area)
    return is_full and area < NEARLY_ALL * picture_px and thing.box.name not in recipe.boxy


def _ellipse(shape: tuple[int, ...]) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    y = (rows + 0.5) / shape[0] - 0.5
    x = (columns + 0.5) / shape[1] - 0.5
    return x * x + y * y < 0.25
