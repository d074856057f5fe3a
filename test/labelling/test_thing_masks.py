# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of things in boxes: of the semantic networks, of GrabCut, or rough ones."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.labelling.detector import Box
from psg_ros.labelling.grabcut import cut_out
from psg_ros.labelling.recipe import MergeRecipe, SemanticClass
from psg_ros.labelling.semantic import ClassMaps
from psg_ros.labelling.thing_masks import Thing, find_thing, share_between

BALL = (SemanticClass("nothing"), SemanticClass("round", things=("ball",)))
RECIPE = MergeRecipe(boxy=("book",))
BOX = Box("ball", 0.8, (10, 10, 50, 50))


def disc() -> np.ndarray:
    """Return a mask of the size of BOX with a disc in it."""
    rows, columns = np.ogrid[:40, :40]
    return (rows - 19.5) ** 2 + (columns - 19.5) ** 2 < 15**2


def picture(mask: np.ndarray | None = None) -> np.ndarray:
    """Return a picture uint8 [80, 100, 3], red where the mask of BOX is."""
    image = np.full((80, 100, 3), (60, 120, 60), np.uint8)
    if mask is not None:
        image[10:50, 10:50][mask] = (200, 30, 30)
    return image


def said(*masks: np.ndarray) -> ClassMaps:
    """Return class maps of the size of the picture, class 1 where the masks of BOX are."""
    maps = []
    for mask in masks:
        maps.append(np.zeros((80, 100), np.int32))
        maps[-1][10:50, 10:50] = mask
    return ClassMaps(BALL, tuple(maps))


def test_what_the_networks_see_in_the_box_is_the_mask() -> None:
    thing = find_thing(picture(), BOX, [said(disc())], RECIPE)
    np.testing.assert_array_equal(thing.mask, disc())
    assert thing.score == BOX.score and thing.is_seen


def test_several_views_are_joined() -> None:
    left, right = disc(), disc()
    left[:, 20:], right[:, :20] = False, False
    thing = find_thing(picture(), BOX, [said(left, right)], RECIPE)
    np.testing.assert_array_equal(thing.mask, disc())


def test_a_view_that_fills_the_box_gives_way_to_one_that_does_not() -> None:
    full = np.ones((40, 40), bool)
    thing = find_thing(picture(), BOX, [said(full), said(disc())], RECIPE)
    np.testing.assert_array_equal(thing.mask, disc())


def test_without_a_view_grabcut_finds_the_mask_and_is_trusted_less() -> None:
    thing = find_thing(picture(disc()), BOX, [said(np.zeros((40, 40), bool))], RECIPE)
    wrong = (thing.mask != disc()).mean()
    assert wrong < 0.05 and not thing.is_seen
    assert thing.score == pytest.approx(0.8 * RECIPE.grabcut_trust)


def test_a_mask_that_is_the_box_is_rough_but_for_things_that_are_boxes() -> None:
    full = np.ones((40, 40), bool)
    thing = find_thing(picture(), BOX, [said(full)], RECIPE)
    assert thing.trust == RECIPE.rough_trust
    boxy = MergeRecipe(boxy=("ball",))
    assert find_thing(picture(), BOX, [said(full)], boxy).trust == 1.0


def test_where_nothing_stands_out_the_mask_is_rough() -> None:
    speck = np.zeros((40, 40), bool)
    speck[18:24, 18:24] = True
    thing = find_thing(picture(speck), BOX, [], RECIPE)
    assert thing.trust == RECIPE.rough_trust and thing.mask.mean() == pytest.approx(0.785, abs=0.02)


def test_grabcut_gives_the_same_twice_and_survives_one_colour_and_tiny_boxes() -> None:
    noisy = np.random.default_rng(0).integers(0, 255, (80, 100, 3)).astype(np.uint8)
    np.testing.assert_array_equal(cut_out(noisy, BOX, 30), cut_out(noisy, BOX, 30))
    assert cut_out(np.zeros((80, 100, 3), np.uint8), BOX, 120).shape == (40, 40)
    for xyxy in [(0, 0, 1, 1), (0, 0, 100, 80), (99, 79, 100, 80), (0, 5, 100, 6)]:
        box = Box("ball", 0.8, xyxy)
        assert cut_out(noisy, box, 120).shape == (xyxy[3] - xyxy[1], xyxy[2] - xyxy[0])


def beside(name: str = "ball") -> list[Thing]:
    """Return two things whose boxes share columns 30 to 40; each sees the other one there, too."""
    a, b = Box("ball", 0.8, (0, 0, 40, 20)), Box(name, 0.8, (30, 0, 70, 20))
    return [Thing(box, np.ones((20, 40), bool), 1.0, True) for box in (a, b)]


def test_what_two_boxes_of_a_class_see_goes_to_the_nearer_one() -> None:
    first, second = share_between(beside())
    assert first.mask[10, :35].all() and not first.mask[10, 36:].any()
    assert second.mask[10, 6:].all() and not second.mask[10, :5].any()
    assert not (first.mask[:, 31:] & second.mask[:, 1:10])[:, :9].any()


def test_things_of_two_classes_share_nothing() -> None:
    assert all(thing.mask.all() for thing in share_between(beside("cat")))


def test_a_thing_within_another_lies_in_front_and_is_left_alone() -> None:
    large = Thing(Box("ball", 0.8, (0, 0, 40, 40)), np.ones((40, 40), bool), 1.0, True)
    small = Thing(Box("ball", 0.8, (5, 5, 15, 15)), np.ones((10, 10), bool), 1.0, True)
    assert all(thing.mask.all() for thing in share_between([large, small]))
