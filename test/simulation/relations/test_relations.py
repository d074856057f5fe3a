# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each rule of relations on a scene built by hand, where it holds and where it just does not."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.simulation.catalog import PREDICATES
from psg_ros.simulation.relations import REVERSE_RULES, RULES, relate
from psg_ros.simulation.relations.about_to_hit import about_to_hit
from psg_ros.simulation.relations.beside import beside
from psg_ros.simulation.relations.containment import enclosing, inside
from psg_ros.simulation.relations.facts import Hollow
from psg_ros.simulation.relations.fastened import (
    attached_to,
    carrying,
    hanging_from,
    holding,
)
from psg_ros.simulation.relations.in_front_of import image_overlap, in_front_of
from psg_ros.simulation.relations.leaning_on import leaning_on
from psg_ros.simulation.relations.over import over
from psg_ros.simulation.relations.support import (
    lying_on,
    on,
    parked_on,
    riding,
    sitting_on,
    standing_on,
    walking_on,
)
from psg_ros.simulation.relations.touching import touching

TABLE = ("table-merged", ((-1.0, -1.0, 0.0), (1.0, 1.0, 0.7)))
WALL = ("wall-brick", ((-2.0, 1.0, 0.0), (2.0, 1.1, 2.8)))
FLOOR = ("floor-wood", ((-3.0, -3.0, -0.1), (3.0, 3.0, 0.0)))
BOWL = ("bowl", ((-0.15, -0.15, 0.7), (0.15, 0.15, 0.78)))
BOWL_HOLLOW = Hollow(centre_xy=(0.0, 0.0), floor=0.705, rim=0.78, radius=0.15)
UP, LEFT, LEVEL = (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def named(facts):
    """Relations as (subject name, predicate, object name)."""
    names = facts.names
    return {(names[s], PREDICATES[p], names[o]) for s, o, p in relate(facts)}


def at(name, x, y, z, *, size=0.1):
    """A thing of a cube's size standing at a point."""
    half = size / 2
    return name, ((x - half, y - half, z), (x + half, y + half, z + size))


def test_every_predicate_has_one_rule():
    assert sorted([*RULES, *REVERSE_RULES]) == sorted(PREDICATES)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("cup", on),
        ("bottle", standing_on),
        ("banana", lying_on),
        ("teddy bear", sitting_on),
        ("truck", parked_on),
    ],
)
def test_the_word_for_being_held_up_follows_from_the_thing(make_facts, name, rule):
    facts = make_facts(TABLE, at(name, 0, 0, 0.7), contacts=((0, 1, UP),))
    assert rule(facts, 1, 0)
    assert not rule(facts, 0, 1)
    others = {on, standing_on, lying_on, sitting_on, parked_on} - {rule}
    assert not any(other(facts, 1, 0) for other in others)


@pytest.mark.parametrize("name", ["bottle", "vase", "truck", "teddy bear", "cup"])
def test_a_thing_on_its_side_lies(make_facts, name):
    facts = make_facts(TABLE, at(name, 0, 0, 0.7), contacts=((0, 1, UP),), up={1: LEVEL})
    assert named(facts) == {(name, "lying on", "table-merged")}


def test_a_book_on_its_edge_stands_and_a_rolled_over_apple_does_not_lie(make_facts):
    facts = make_facts(
        TABLE,
        at("book", -0.5, 0, 0.7),
        at("apple", 0.5, 0, 0.7),
        contacts=((0, 1, UP), (0, 2, UP)),
        up={1: LEVEL, 2: LEVEL},
    )
    assert standing_on(facts, 1, 0)
    assert on(facts, 2, 0)


def test_what_touches_from_the_side_is_not_held_up(make_facts):
    facts = make_facts(TABLE, at("cup", 1.05, 0, 0.3), contacts=((0, 1, (1.0, 0.0, 0.0)),))
    assert not on(facts, 1, 0)


def test_a_bowl_above_the_side_of_an_orange_does_not_stand_on_it(make_facts):
    slanted = (-0.7, 0.0, 0.71)
    facts = make_facts(
        TABLE,
        BOWL,
        at("orange", 0.17, 0, 0.7),
        contacts=((0, 1, UP), (0, 2, UP), (2, 1, slanted)),
    )
    assert not on(facts, 1, 2)
    assert ("bowl", "touching", "orange") in named(facts)


def test_fruit_in_a_bowl_is_in_it_and_the_bowl_encloses_it(make_facts):
    facts = make_facts(
        TABLE,
        BOWL,
        at("apple", 0.02, 0, 0.71),
        contacts=((0, 1, UP), (1, 2, UP)),
        hollows={1: BOWL_HOLLOW},
    )
    assert inside(facts, 2, 1)
    assert enclosing(facts, 1, 2)
    assert not inside(facts, 1, 2)
    assert named(facts) == {
        ("apple", "in", "bowl"),
        ("bowl", "enclosing", "apple"),
        ("bowl", "on", "table-merged"),
    }


def test_fruit_heaped_above_the_rim_is_in_the_bowl_but_not_enclosed(make_facts):
    facts = make_facts(BOWL, at("apple", 0, 0, 0.76), hollows={0: BOWL_HOLLOW})
    assert inside(facts, 1, 0)
    assert not enclosing(facts, 0, 1)


@pytest.mark.parametrize("place", [(0.3, 0, 0.7), (0, 0, 0.85)])
def test_beside_or_above_the_bowl_is_not_in_it(make_facts, place):
    facts = make_facts(BOWL, at("apple", *place), hollows={0: BOWL_HOLLOW})
    assert not inside(facts, 1, 0)


def test_the_steep_inside_of_a_bowl_holds_fruit_up(make_facts):
    steep = (0.95, 0.0, 0.3)
    facts = make_facts(
        BOWL, at("orange", -0.05, 0, 0.71), contacts=((0, 1, steep),), hollows={0: BOWL_HOLLOW}
    )
    assert facts.holds_up(0, 1)


def test_a_curtain_fixed_at_its_top_hangs_and_a_clock_is_attached(make_facts):
    facts = make_facts(
        WALL,
        ("curtain", ((-1.0, 0.9, 0.5), (-0.5, 1.0, 1.7))),
        ("clock", ((0.0, 0.95, 1.0), (0.3, 1.0, 1.3))),
        fastenings=((1, 0, (-0.7, 1.0, 1.68)), (2, 0, (0.15, 1.0, 1.15))),
    )
    assert hanging_from(facts, 1, 0) and not attached_to(facts, 1, 0)
    assert attached_to(facts, 2, 0) and not hanging_from(facts, 2, 0)
    assert not attached_to(facts, 0, 2)


PERSON = ("person", ((-0.3, -0.3, 0.0), (0.3, 0.3, 1.7)))


def test_a_cup_taken_at_its_middle_is_held_and_a_case_that_hangs_down_is_carried(make_facts):
    facts = make_facts(
        PERSON,
        at("cup", 0.2, -0.3, 1.1),
        ("suitcase", ((0.3, -0.2, 0.1), (0.5, 0.2, 0.8))),
        in_hands=((1, 0, (0.2, -0.25, 1.15)), (2, 0, (0.4, 0.0, 0.78))),
    )
    assert holding(facts, 0, 1) and not carrying(facts, 0, 1)
    assert carrying(facts, 0, 2) and not holding(facts, 0, 2)
    assert not holding(facts, 1, 0), "the cup holds nobody"
    assert not attached_to(facts, 1, 0) and not hanging_from(facts, 2, 0)
    assert named(facts) >= {("person", "holding", "cup"), ("person", "carrying", "suitcase")}


def test_what_is_fixed_to_a_wall_is_in_nobodys_hand(make_facts):
    clock = ("clock", ((0.0, 0.95, 1.0), (0.3, 1.0, 1.3)))
    facts = make_facts(WALL, clock, fastenings=((1, 0, (0.15, 1.0, 1.15)),))
    assert not holding(facts, 0, 1) and not carrying(facts, 0, 1)


@pytest.mark.parametrize(
    ("posture", "rule"), [("standing on", standing_on), ("walking on", walking_on)]
)
def test_the_word_for_a_person_follows_from_the_pose(make_facts, posture, rule):
    facts = make_facts(FLOOR, PERSON, contacts=((0, 1, UP),), postures={1: posture})
    assert rule(facts, 1, 0)
    assert not rule(facts, 0, 1)
    assert named(facts) == {("person", posture, "floor-wood")}


def test_a_person_on_a_skateboard_rides_it_and_a_bear_does_not(make_facts):
    board = ("skateboard", ((-0.4, -0.1, 0.0), (0.4, 0.1, 0.09)))
    rider = ("person", ((-0.3, -0.3, 0.09), (0.3, 0.3, 1.79)))
    facts = make_facts(board, rider, contacts=((0, 1, UP),))
    assert riding(facts, 1, 0) and not riding(facts, 0, 1)
    assert named(facts) == {("person", "riding", "skateboard")}
    bear = make_facts(board, at("teddy bear", 0, 0, 0.09), contacts=((0, 1, UP),))
    assert not riding(bear, 1, 0)
    beside_it = make_facts(board, rider, contacts=((0, 1, LEFT),))
    assert not riding(beside_it, 1, 0)


def test_whoever_sits_is_held_up_by_the_chair_although_the_feet_reach_the_floor(make_facts):
    chair = ("chair", ((-0.2, -0.2, 0.0), (0.2, 0.2, 0.9)))
    sitter = ("person", ((-0.25, -0.6, 0.01), (0.25, 0.1, 1.3)))
    facts = make_facts(chair, sitter, contacts=((0, 1, UP),), postures={1: "sitting on"})
    assert sitting_on(facts, 1, 0)
    standing = make_facts(chair, sitter, contacts=((0, 1, UP),))
    assert not standing_on(standing, 1, 0), "feet beside the chair do not stand on it"


def tilted(degrees):
    """Direction of z after a tilt towards +y."""
    angle = np.deg2rad(degrees)
    return (0.0, np.sin(angle), np.cos(angle))


@pytest.mark.parametrize(("tilt", "leans"), [(15, True), (0, False), (1, False)])
def test_a_tilted_suitcase_held_by_the_wall_leans(make_facts, tilt, leans):
    facts = make_facts(
        FLOOR,
        WALL,
        ("suitcase", ((0.0, 0.5, 0.0), (0.5, 1.0, 0.7))),
        contacts=((0, 2, UP), (1, 2, (0.0, -1.0, 0.0))),
        up={2: tilted(tilt)},
    )
    assert leaning_on(facts, 2, 1) == leans
    assert not leaning_on(facts, 2, 0)


def test_a_tilted_book_leans_only_if_something_else_holds_it_from_below(make_facts):
    book = ("book", ((0.0, 0.8, 0.7), (0.2, 1.0, 0.95)))
    against_wall = (1, 2, (0.0, -1.0, 0.0))
    standing = make_facts(
        TABLE, WALL, book, contacts=((0, 2, UP), against_wall), up={2: tilted(75)}
    )
    falling = make_facts(TABLE, WALL, book, contacts=(against_wall,), up={2: tilted(75)})
    assert leaning_on(standing, 2, 1)
    assert not leaning_on(falling, 2, 1)


def test_neighbours_in_contact_touch_and_the_left_one_is_the_subject(make_facts):
    facts = make_facts(at("apple", 0, 0, 0.7), at("orange", 0.1, 0, 0.7), contacts=((1, 0, LEFT),))
    assert touching(facts, 0, 1)
    assert not touching(facts, 1, 0)


def test_what_stands_on_a_thing_does_not_merely_touch_it(make_facts):
    facts = make_facts(at("book", 0, 0, 0.7), at("cup", 0, 0, 0.8), contacts=((0, 1, UP),))
    assert not touching(facts, 0, 1)
    assert named(facts) == {("cup", "on", "book")}


def test_a_clock_on_the_wall_is_over_the_couch_below_it(make_facts):
    couch = ("couch", ((-0.8, 0.2, 0.0), (0.8, 1.0, 0.8)))
    facts = make_facts(
        couch,
        ("clock", ((0.0, 0.95, 1.0), (0.3, 1.0, 1.3))),
        ("vase", ((2.0, 0.9, 1.0), (2.2, 1.0, 1.3))),
        FLOOR,
    )
    assert over(facts, 1, 0)
    assert not over(facts, 0, 1)
    assert not over(facts, 2, 0), "aside"
    assert not over(facts, 1, 3), "everything is over the floor"


def test_a_window_is_over_the_counter_but_not_over_the_cabinet_below_it(make_facts):
    facts = make_facts(
        ("cabinet-merged", ((-1.0, 0.0, 0.0), (1.0, 0.6, 0.86))),
        ("counter", ((-1.0, 0.0, 0.86), (1.0, 0.6, 0.9))),
        ("window-other", ((-0.4, 0.5, 1.2), (0.4, 0.6, 1.9))),
        contacts=((0, 1, UP),),
    )
    assert over(facts, 2, 1)
    assert not over(facts, 2, 0)


def test_what_rests_on_something_is_not_over_it_even_through_another_thing(make_facts):
    facts = make_facts(
        TABLE,
        at("book", 0, 0, 0.7),
        at("cup", 0, 0, 0.8),
        contacts=((0, 1, UP), (1, 2, UP)),
    )
    assert not over(facts, 2, 0)
    lifted = make_facts(TABLE, at("cup", 0, 0, 0.9))
    assert over(lifted, 1, 0)


def test_the_nearer_of_two_things_in_line_is_in_front(make_facts):
    facts = make_facts(at("cup", 0, -0.2, 0.7), at("vase", 0.03, 0.1, 0.7, size=0.2))
    assert in_front_of(facts, 0, 1)
    assert not in_front_of(facts, 1, 0)


@pytest.mark.parametrize("place", [(0.5, 0.1), (0.0, 5.0), (0.0, -0.18)])
def test_aside_far_behind_or_level_with_it_is_not_behind(make_facts, place):
    facts = make_facts(at("cup", 0, -0.2, 0.7), at("vase", *place, 0.7))
    assert not in_front_of(facts, 0, 1)


def test_image_overlap_is_a_share_of_the_smaller_box():
    box = np.array([0.0, 0.0, 10.0, 10.0])
    assert image_overlap(box, np.array([5.0, 0.0, 9.0, 10.0])) == pytest.approx(1.0)
    assert image_overlap(box, np.array([5.0, 5.0, 15.0, 15.0])) == pytest.approx(0.25)
    assert image_overlap(box, np.array([20.0, 0.0, 30.0, 10.0])) == 0.0


def on_table(make_facts, *things):
    """Facts of things that all stand on the table (segment 0)."""
    return make_facts(TABLE, *things, contacts=tuple((0, k + 1, UP) for k in range(len(things))))


def test_neighbours_on_one_support_are_beside_each_other_from_the_left(make_facts):
    facts = on_table(make_facts, at("cup", -0.06, 0, 0.7), at("apple", 0.06, 0, 0.7))
    assert beside(facts, 1, 2)
    assert not beside(facts, 2, 1)


def test_a_wide_gap_or_another_support_is_not_beside(make_facts):
    far = on_table(make_facts, at("cup", -0.3, 0, 0.7), at("apple", 0.3, 0, 0.7))
    assert not beside(far, 1, 2)
    apart = make_facts(
        TABLE, at("cup", -0.06, 0, 0.7), at("apple", 0.06, 0, 0.7), contacts=((0, 1, UP),)
    )
    assert not beside(apart, 1, 2)


def test_a_ball_flying_at_a_vase_is_about_to_hit_it(make_facts):
    ball, vase = at("sports ball", 0, 0, 1.0), at("vase", 0.4, 0, 1.0)
    flying = make_facts(ball, vase, velocity={0: (2.0, 0.0, 0.0)})
    assert about_to_hit(flying, 0, 1)
    assert not about_to_hit(flying, 1, 0), "the vase rests"
    assert not about_to_hit(make_facts(ball, vase, velocity={0: (-2.0, 0.0, 0.0)}), 0, 1), "away"
    assert not about_to_hit(make_facts(ball, vase, velocity={0: (0.0, 2.0, 0.0)}), 0, 1), "past"
    assert not about_to_hit(make_facts(ball, vase), 0, 1), "at rest"


def test_a_pair_gets_one_predicate_by_priority(make_facts):
    """A cup in front of and beside an apple that it touches: touching comes first."""
    facts = make_facts(
        TABLE,
        at("cup", -0.04, -0.09, 0.7),
        at("apple", 0.03, 0, 0.7),
        contacts=((0, 1, UP), (0, 2, UP), (1, 2, (0.0, 1.0, 0.0))),
    )
    assert in_front_of(facts, 1, 2) and beside(facts, 1, 2)
    relations = relate(facts)
    between_both = [PREDICATES[p] for s, o, p in relations if {s, o} == {1, 2}]
    assert between_both == ["touching"]


def test_nothing_gives_an_empty_table(make_facts):
    relations = relate(make_facts(at("cup", 0, 0, 0)))
    assert relations.shape == (0, 3)
    assert relations.dtype == np.int32
