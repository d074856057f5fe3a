# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recent: what the last ten seconds were like, whatever came before."""

import pytest

from psg_ros.ros.recent import MOST, WINDOW_S, Recent


class Clock:
    def __init__(self):
        self.now_s = 50.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_before_the_first_graph_there_is_no_age(clock):
    summary = Recent(clock).summary()
    assert (summary.rate_hz, summary.age_s, summary.failed) == (0.0, None, 0)


def test_rate_and_median_age_are_of_the_window_alone(clock):
    recent = Recent(clock)
    for number in range(300):
        clock.now_s += 0.1
        recent.graph(5.0 if number < 200 else 0.2)
        if number % 10 == 0:
            recent.failure()
    summary = recent.summary()
    assert summary.rate_hz == pytest.approx(10.0, rel=0.02)
    assert summary.age_s == 0.2 and summary.failed == 10
    clock.now_s += WINDOW_S + 1
    assert recent.summary().age_s is None and recent.summary().rate_hz == 0


def test_in_the_first_seconds_the_rate_is_over_the_time_so_far(clock):
    recent = Recent(clock)
    for _ in range(20):
        clock.now_s += 0.1
        recent.graph(0.1)
    assert recent.summary().rate_hz == pytest.approx(10.0, rel=0.1)


def test_a_flood_does_not_fill_the_memory(clock):
    recent = Recent(clock)
    for _ in range(MOST + 100):
        recent.graph(0.1)
        recent.failure()
    assert recent.summary().failed == MOST
