# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stuff and things laid over each other, and what speaks against them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from psg_ros.labelling.detector import Box
from psg_ros.labelling.merge import paint
from psg_ros.labelling.recipe import MergeRecipe, SceneRule, SemanticClass
from psg_ros.labelling.scene import believed, seen_classes, stuff_maps
from psg_ros.labelling.semantic import ClassMaps
from psg_ros.labelling.thing_masks import Thing
from psg_ros.scene_graph import Segmentation

RECIPE = MergeRecipe()
GRASS, WATER = 0, 1
STUFF_LABELS, THING_LABELS = np.array([2, 3]), {"ball": 0, "box": 1}


def meadow() -> np.ndarray:
    return np.full((100, 100), GRASS, np.int32)


def full(name: str, score: float, xyxy: tuple[int, int, int, int]) -> Thing:
    left, top, right, bottom = xyxy
    return Thing(Box(name, score, xyxy), np.ones((bottom - top, right - left), bool), 1.0, True)


def painted(
    stuff: np.ndarray,
    *things: Thing,
    mirrored: np.ndarray | None = None,
    careful: bool = True,
    recipe: MergeRecipe = RECIPE,
) -> Segmentation:
    other = stuff if mirrored is None else mirrored
    return paint(stuff, other, things, STUFF_LABELS, THING_LABELS, recipe, careful=careful)


def test_later_things_lie_over_earlier_ones_and_over_stuff() -> None:
    said = painted(meadow(), full("ball", 0.9, (0, 0, 40, 40)), full("box", 0.8, (30, 30, 60, 60)))
    assert said.labels.tolist() == [0, 1, 2]
    assert said.label_map[35, 35] == 1 and said.label_map[10, 10] == 0
    assert said.label_map[90, 90] == 2
    assert said.scores == pytest.approx([0.9, 0.8, 1.0])


def test_a_thing_that_is_mostly_hidden_is_trusted_less() -> None:
    said = painted(meadow(), full("ball", 0.9, (0, 0, 40, 40)), full("box", 0.8, (0, 0, 40, 30)))
    assert said.scores[:2] == pytest.approx([0.9 * RECIPE.rough_trust, 0.8])


def test_tiny_things_and_small_stuff_are_void() -> None:
    stuff = meadow()
    stuff[:1] = WATER
    said = painted(stuff, full("ball", 0.9, (50, 50, 54, 54)))
    assert said.labels.tolist() == [2]
    assert said.label_map[50, 50] == -1 and said.label_map[0, 0] == -1


def test_stuff_has_the_share_on_which_both_pictures_agree_as_score() -> None:
    mirrored = meadow()
    mirrored[:25] = WATER
    careful = painted(meadow(), mirrored=mirrored)
    assert careful.scores == pytest.approx([0.75]) and (careful.label_map[:25] == -1).all()
    bold = painted(meadow(), mirrored=mirrored, careful=False)
    assert bold.scores == pytest.approx([0.75]) and (bold.label_map == 0).all()


def test_islands_are_void_for_a_careful_teacher() -> None:
    stuff = np.full((100, 100), -1, np.int32)
    stuff[:50], stuff[80:84, 80:84] = GRASS, GRASS
    assert painted(stuff).label_map[82, 82] == -1
    assert painted(stuff, careful=False).label_map[82, 82] == 0


CLASSES = (
    SemanticClass("nothing"),
    SemanticClass("meadow", stuff="grass"),
    SemanticClass("pond", stuff="water"),
    SemanticClass("cat", things=("cat",)),
)
SEES_CAT = np.array([[3, 3, 0, 0]], np.int32)
SEES_MEADOW = np.array([[1, 1, 1, 2]], np.int32)


def test_the_first_network_that_names_a_pixel_wins() -> None:
    first = ClassMaps(CLASSES, (np.array([[2, 0, 0, 0]], np.int32),))
    second = ClassMaps(CLASSES, (SEES_MEADOW,))
    stuff, mirrored = stuff_maps([first, second], ["grass", "water"], set(), [], careful=True)
    assert stuff.tolist() == mirrored.tolist() == [[WATER, GRASS, GRASS, WATER]]


def test_where_a_thing_is_seen_no_later_network_makes_stuff_of_it() -> None:
    networks = [ClassMaps(CLASSES, (SEES_CAT,)), ClassMaps(CLASSES, (SEES_MEADOW,))]
    careful, _ = stuff_maps(networks, ["grass", "water"], set(), [], careful=True)
    assert careful.tolist() == [[-1, -1, GRASS, WATER]]
    bold, _ = stuff_maps(networks, ["grass", "water"], set(), [], careful=False)
    assert bold.tolist() == [[GRASS, GRASS, GRASS, WATER]]
    unclaimed = (*CLASSES[:3], replace(CLASSES[3], claims=False))
    networks[0] = ClassMaps(unclaimed, (SEES_CAT,))
    free, _ = stuff_maps(networks, ["grass", "water"], set(), [], careful=True)
    assert free.tolist() == [[GRASS, GRASS, GRASS, WATER]]


def test_only_what_covers_enough_of_both_pictures_counts_as_seen() -> None:
    both = ClassMaps(CLASSES, (SEES_MEADOW, np.array([[1, 1, 2, 1]], np.int32)))
    assert seen_classes([both], 0.02, careful=True) == {"meadow"}
    assert seen_classes([both], 0.02, careful=False) == {"meadow", "pond"}
    assert seen_classes([both], 0.5, careful=False) == {"meadow"}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [({"pond"}, False), ({"pond", "meadow"}, True), ({"pond", "meadow", "room"}, False)],
)
def test_rules_say_what_must_and_what_must_not_be_seen(seen: set[str], expected: bool) -> None:
    rules = [SceneRule(("pond",), any_of=("meadow",)), SceneRule(("pond",), none_of=("room",))]
    assert believed("pond", seen, rules) == expected
    assert believed("meadow", seen, rules)
