# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demand: listeners and questions count, and its end is believed only after a while."""

import pytest

from psg_ros.ros.demand import ASKED_S, LINGER_S, Demand


class World:
    """A clock and a listener that the test moves."""

    def __init__(self):
        self.now_s, self.listens = 100.0, False
        self.demand = Demand(lambda: self.listens, lambda: self.now_s)


@pytest.fixture
def world():
    return World()


def test_at_first_nobody_wants_anything(world):
    assert not world.demand.is_present() and world.demand.is_gone()


def test_a_listener_is_demand_at_once_and_its_end_at_once_too(world):
    world.listens = True
    assert world.demand.is_present()
    world.listens = False
    assert not world.demand.is_present()


def test_it_is_gone_only_after_a_while_so_that_subscriptions_do_not_flap(world):
    world.listens = True
    assert not world.demand.is_gone()
    world.listens = False
    world.now_s += LINGER_S - 0.1
    assert not world.demand.is_gone()
    world.listens = True
    assert world.demand.is_present()
    world.listens = False
    world.now_s += LINGER_S - 0.1
    assert not world.demand.is_gone()
    world.now_s += 0.1
    assert world.demand.is_gone()


def test_a_question_keeps_graphs_coming_for_a_while(world):
    world.demand.ask()
    world.now_s += ASKED_S - 0.1
    assert world.demand.is_present()
    world.now_s += 0.1
    assert not world.demand.is_present() and not world.demand.is_gone()
    world.now_s += LINGER_S
    assert world.demand.is_gone()
