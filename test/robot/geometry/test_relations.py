# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rooms painted as rectangles: which relations their geometry shows, with and without depth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from psg_ros.labels import load_vocabulary
from psg_ros.robot.geometry import KindTable, Relater, gather_facts
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import VOID, Segmentation

VOCABULARY = load_vocabulary(Path(__file__).parents[3] / "config" / "labels" / "psg.yaml")
HW = (120, 160)
FOCAL = 160.0
Box = tuple[int, int, int, int]

# Painted in this order, so that later ones hide earlier ones: name, xyxy, metres away.
ROOM = [
    ("wall-other-merged", (0, 0, 160, 70), 4.0),
    ("floor-other-merged", (0, 70, 160, 120), None),
]


class Room:
    """Segments painted over wall and floor; None as distance follows the level floor."""

    def __init__(self, *things: tuple[str, Box, float], depth: bool) -> None:
        painted = [*ROOM, *things]
        self.names = [name for name, _, _ in painted]
        label_map = np.full(HW, VOID, np.int32)
        distances = np.full(HW, np.nan, np.float32)
        rows = np.arange(HW[0], dtype=np.float32)[:, None]
        # A camera 1.2 m above the floor, level: what lies at row v is 1.2 f / (v - 60) away.
        floor = np.minimum(1.2 * FOCAL / np.maximum(rows - 60, 1), 20.0)
        for segment, (_, (left, top, right, bottom), metres) in enumerate(painted):
            place = (slice(top, bottom), slice(left, right))
            label_map[place] = segment
            away = floor[top:bottom] if metres is None else metres
            distances[place] = np.broadcast_to(away, (bottom - top, right - left))
        labels = np.array(VOCABULARY.label_index(self.names), np.int64)
        scores = np.ones(len(labels), np.float32)
        self.segmentation = Segmentation(label_map, labels, scores)
        self.depth = distances if depth else None

    def relations(self, minimum: float = 0.5) -> set[tuple[str, str, str]]:
        label_map = self.segmentation.label_map
        regions = measure_regions(label_map, len(self.names))
        columns, rows = np.meshgrid(np.arange(HW[1]) - HW[1] / 2, np.arange(HW[0]) - HW[0] / 2)
        rays = np.stack([columns, rows], axis=2) / FOCAL
        facts = gather_facts(
            self.segmentation, regions, KindTable(VOCABULARY), self.depth,
            lambda step: rays[::step, ::step],
        )  # fmt: skip
        found = Relater(VOCABULARY)(facts, self.segmentation.labels)
        words = VOCABULARY.predicate_names
        return {
            (self.names[subject], words[predicate], self.names[target])
            for subject, target, predicate in np.argwhere(found >= minimum)
        }


def distance_on_floor(row: int) -> float:
    return 1.2 * FOCAL / (row - 60)


@pytest.mark.parametrize("depth", [False, True])
def test_a_chair_stands_on_the_floor_and_not_on_the_wall_behind_it(depth: bool) -> None:
    chair = ("chair", (60, 40, 90, 100), distance_on_floor(100))
    assert Room(chair, depth=depth).relations() == {("chair", "standing on", "floor-other-merged")}


@pytest.mark.parametrize("name", ["curtain", "window-blind"])
@pytest.mark.parametrize("depth", [False, True])
def test_a_curtain_rests_on_nothing_that_its_lower_end_meets(name: str, depth: bool) -> None:
    metres = distance_on_floor(108)
    cabinet = ("cabinet-merged", (40, 60, 120, 108), metres)
    curtain = (name, (60, 10, 90, 60), metres)
    assert (name, "on", "cabinet-merged") not in Room(cabinet, curtain, depth=depth).relations()


def test_a_towel_flat_on_the_door_of_a_refrigerator_does_not_lie_on_it() -> None:
    metres = distance_on_floor(108)
    refrigerator = ("refrigerator", (40, 20, 120, 108), metres)
    towel = ("towel", (70, 50, 90, 90), metres)
    found = Room(refrigerator, towel, depth=True).relations()
    said = {predicate for subject, predicate, _ in found if subject == "towel"}
    assert not said & {"on", "lying on"}


def test_what_hangs_is_over_nothing() -> None:
    metres = distance_on_floor(108)
    curtain = ("curtain", (60, 10, 90, 50), metres)
    book = ("book", (60, 80, 90, 90), metres)
    assert ("curtain", "over", "book") not in Room(curtain, book, depth=True).relations()


@pytest.mark.parametrize("depth", [False, True])
def test_a_cup_is_on_the_table_and_the_table_on_the_floor(depth: bool) -> None:
    metres = distance_on_floor(105)
    table = ("dining table", (40, 60, 120, 105), metres)
    cup = ("cup", (70, 52, 80, 66), metres)
    assert Room(table, cup, depth=depth).relations() == {
        ("dining table", "standing on", "floor-other-merged"),
        ("cup", "on", "dining table"),
    }


def test_depth_tells_a_ball_before_a_table_from_one_on_it() -> None:
    table = ("dining table", (40, 60, 120, 90), distance_on_floor(90))
    hanging = ("sports ball", (70, 62, 84, 76), 4.0)
    seen = Room(table, hanging, depth=True).relations()
    assert ("sports ball", "on", "dining table") not in seen
    assert ("sports ball", "in front of", "dining table") in seen
    assert ("sports ball", "on", "dining table") in Room(table, hanging, depth=False).relations()


@pytest.mark.parametrize("depth", [False, True])
def test_a_clock_is_attached_to_the_wall(depth: bool) -> None:
    clock = ("clock", (70, 20, 90, 40), 4.0)
    seen = Room(clock, depth=depth).relations()
    assert seen == {("clock", "attached to", "wall-other-merged")}


def test_a_person_before_the_wall_is_not_attached_to_it() -> None:
    person = ("person", (70, 10, 90, 60), 2.0)
    assert Room(person, depth=False).relations() == set()


@pytest.mark.parametrize("depth", [False, True])
def test_a_lamp_hangs_from_the_ceiling_over_the_table(depth: bool) -> None:
    table = ("dining table", (40, 70, 120, 100), distance_on_floor(100))
    metres = distance_on_floor(100)
    ceiling = ("ceiling-merged", (0, 0, 160, 10), metres)
    lamp = ("light", (75, 10, 85, 50), metres)
    seen = Room(ceiling, table, lamp, depth=depth).relations()
    assert ("light", "hanging from", "ceiling-merged") in seen
    assert ("light", "over", "dining table") in seen
    assert ("light", "attached to", "wall-other-merged") not in seen


@pytest.mark.parametrize("depth", [False, True])
def test_neighbours_on_one_table_are_beside_each_other_left_one_first(depth: bool) -> None:
    metres = distance_on_floor(105)
    table = ("dining table", (30, 60, 130, 105), metres)
    cup, bottle = ("cup", (50, 52, 70, 66), metres), ("bottle", (72, 40, 92, 66), metres)
    seen = Room(table, cup, bottle, depth=depth).relations()
    assert ("cup", "beside", "bottle") in seen
    assert ("bottle", "beside", "cup") not in seen


def test_the_nearer_of_two_people_is_in_front_of_the_other() -> None:
    far = ("person", (60, 40, 80, 90), distance_on_floor(90))
    near = ("person", (70, 55, 100, 110), distance_on_floor(110))
    for depth in (False, True):
        room = Room(far, near, depth=depth)
        assert ("person", "in front of", "person") in room.relations(), depth


@pytest.mark.parametrize("depth", [False, True])
def test_an_apple_surrounded_by_a_bowl_is_in_it(depth: bool) -> None:
    bowl = ("bowl", (60, 60, 100, 90), 1.5)
    apple = ("apple", (75, 64, 85, 74), 1.5)
    seen = Room(bowl, apple, depth=depth).relations()
    assert ("apple", "in", "bowl") in seen and ("apple", "on", "bowl") not in seen


def test_a_narrow_gap_of_void_does_not_part_what_touches() -> None:
    room = Room(("chair", (60, 40, 90, 100), 2.0), depth=False)
    room.segmentation.label_map[100:102] = VOID
    assert ("chair", "standing on", "floor-other-merged") in room.relations()


def test_unknown_depth_is_nobodys_contact() -> None:
    room = Room(("chair", (60, 40, 90, 100), distance_on_floor(100)), depth=True)
    assert room.depth is not None
    room.depth[:] = np.nan
    assert room.relations() == set()


def test_an_image_without_segments_has_no_relations() -> None:
    nothing = Segmentation(
        np.full(HW, VOID, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float32)
    )

    def no_rays(step: int) -> np.ndarray:
        return np.zeros((*HW, 2))[::step, ::step]

    for depth in (None, np.ones(HW, np.float32)):
        regions = measure_regions(nothing.label_map, 0)
        facts = gather_facts(nothing, regions, KindTable(VOCABULARY), depth, no_rays)
        assert Relater(VOCABULARY)(facts, nothing.labels).shape == (0, 0, 56)


def test_claims_of_a_pair_exclude_each_other() -> None:
    metres = distance_on_floor(105)
    room = Room(("chair", (60, 40, 90, 100), metres), ("cup", (70, 60, 80, 90), 1.0), depth=True)
    regions = measure_regions(room.segmentation.label_map, len(room.names))
    facts = gather_facts(room.segmentation, regions, KindTable(VOCABULARY))
    found = Relater(VOCABULARY)(facts, room.segmentation.labels)
    both = found.sum(axis=2) + found.sum(axis=2).T
    assert found.min() >= 0 and both.max() <= 1 + 1e-9


def test_a_rule_whose_word_is_missing_is_left_out_and_on_stands_for_postures() -> None:
    words = tuple(p for p in VOCABULARY.predicates if p.name in ("on", "riding"))
    relater = Relater(replace(VOCABULARY, predicates=words))
    room = Room(("chair", (60, 40, 90, 100), distance_on_floor(100)), depth=False)
    regions = measure_regions(room.segmentation.label_map, 3)
    facts = gather_facts(room.segmentation, regions, KindTable(VOCABULARY))
    assert np.argwhere(relater(facts, room.segmentation.labels) > 0.5).tolist() == [[2, 1, 0]]
