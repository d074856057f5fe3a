# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""People: what they hold is in their hands, what carries them is below them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.geometry import rotate, turn
from psg_ros.simulation.physics import item_extents, settle
from psg_ros.simulation.scene import ScenePlan, Surface
from psg_ros.simulation.templates.people import (
    CARRIED,
    HELD,
    give,
    lay_person,
    put_on_backpack,
    put_person,
    seat_person,
)
from psg_ros.simulation.templates.room_shell import enclose
from psg_ros.simulation.things.people import standing_person, walking_person


@pytest.fixture
def room():
    """An empty room with its floor as a surface, and a random generator."""
    plan, rng = ScenePlan(), np.random.default_rng(4)
    floor, _ = enclose(plan, rng, half_width=2.0, back_y=0.0, front_y=-3.0)
    return plan, rng, Surface(floor, (0.0, -1.5), (1.5, 1.0), 0.0)


@pytest.mark.parametrize("label", sorted({*HELD, *CARRIED}))
@pytest.mark.parametrize("side", [0, 1])
def test_a_thing_is_given_into_the_hand(room, label, side):
    plan, rng, _ = room
    arms = ("carry", "carry") if label in CARRIED else ("bent", "bent")
    quat = turn((0, 0, 1), 40)
    person = plan.add("person", standing_person(rng, 1.0, arms=arms), (0, -1, 0), quat, fixed=True)
    item = give(plan, rng, person, side, label)
    hand = np.array([0, -1, 0]) + rotate(quat, plan.items[person].shape.hands[side])
    (mount,) = plan.mounts
    assert mount.child == item and mount.parent == person and mount.in_hand
    np.testing.assert_allclose(mount.point, hand)
    lower, upper = item_extents(settle(plan, rng))
    assert (lower[item] - 0.06 < hand).all() and (hand < upper[item] + 0.06).all()
    near_top = upper[item, 2] - hand[2] < 0.2 * (upper[item, 2] - lower[item, 2])
    assert near_top == (label in CARRIED)


def test_a_backpack_is_on_the_back_below_the_head(room):
    plan, rng, _ = room
    person = plan.add("person", standing_person(rng, 1.0), (0, -1, 0), fixed=True)
    pack = put_on_backpack(plan, rng, person)
    lower, upper = item_extents(settle(plan, rng))
    assert lower[pack, 1] > -1.05, "behind: people face -y"
    assert lower[pack, 1] < upper[person, 1] < upper[pack, 1]
    assert lower[pack, 2] > 0.7 and upper[pack, 2] < 0.87 * upper[person, 2]
    assert plan.mounts[-1].in_hand and plan.mounts[-1].parent == person


def test_people_stand_on_the_ground_or_on_a_board_on_it(room):
    plan, rng, ground = room
    people = [put_person(plan, rng, ground) for _ in range(12)]
    standing = [person for person in people if person is not None]
    assert len(standing) >= 3
    lower, _ = item_extents(settle(plan, rng))
    supports = dict(plan.rests)
    for person in standing:
        support = supports[person]
        assert plan.items[support].label in ("skateboard", plan.items[ground.item].label)
        # The height of a board is that of its deck; its ends rise above it.
        top = lower[support, 2] + plan.items[support].shape.height
        ground_or_deck = top if support != ground.item else 0.0
        assert lower[person, 2] == pytest.approx(ground_or_deck, abs=0.005)


def test_somebody_sits_with_the_feet_above_the_ground(room):
    plan, rng, _ = room
    chair = plan.add("chair", THINGS["chair"].build(rng, 1.0), (0, -1, 0), fixed=True)
    person = seat_person(plan, rng, chair, (0, -1, 0.45), (1, 0, 0, 0))
    lower, upper = item_extents(settle(plan, rng))
    assert plan.items[person].shape.posture == "sitting on"
    assert -0.01 < lower[person, 2] < 0.1
    assert 1.0 < upper[person, 2] < 1.5


def test_somebody_lies_on_the_back_with_the_head_away_from_the_camera(room):
    plan, rng, _ = room
    bed = plan.add("bed", THINGS["bed"].build(rng, 1.0), (0, -1.2, 0), fixed=True)
    person = lay_person(plan, rng, bed, (0, -1.2, 0.42), scale=1.0)
    scene = settle(plan, rng)
    body = scene.compiled.item_body[person]
    np.testing.assert_allclose(scene.data.xmat[body].reshape(3, 3)[:, 2], [0, 1, 0], atol=1e-6)
    lower, _ = item_extents(scene)
    assert lower[person, 2] == pytest.approx(0.42, abs=0.04)


def test_whoever_walks_has_the_feet_apart():
    rng = np.random.default_rng(0)

    def stride(shape):
        feet = [part.pos[1] for part in shape.parts if part.role == "shoe"]
        return max(feet) - min(feet)

    assert stride(walking_person(rng, 1.0)) > 0.3 > stride(standing_person(rng, 1.0))
