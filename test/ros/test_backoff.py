# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reports of what goes on."""

from psg_ros.ros.backoff import Backoff


def reports(backoff, ticks):
    """Return the ticks, one a second, at which a report was due."""
    return [tick for tick in range(1, ticks + 1) if backoff.due(tick)]


def test_waits_double_up_to_the_longest():
    assert reports(Backoff(5, 30), 130) == [5, 15, 35, 65, 95, 125]


def test_a_reset_begins_again():
    backoff = Backoff(5, 30)
    reports(backoff, 50)
    backoff.reset(50)
    assert not backoff.due(54) and backoff.due(55)


def test_the_longest_wait_is_never_shorter_than_the_first():
    assert reports(Backoff(50, 30), 160) == [50, 100, 150]
