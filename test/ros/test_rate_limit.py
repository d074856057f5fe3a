# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RateLimit: the rate on average, whatever the camera's; nothing is made up for after a pause."""

import random

import pytest

from psg_ros.ros.rate_limit import RateLimit

SECONDS = 20


def let_through(max_rate, camera_rate, jitter_s=0.0):
    """Return when images went on, of a camera that sends for 20 s."""
    rng, times = random.Random(1), []
    arrivals = [n / camera_rate + rng.uniform(0, jitter_s) for n in range(SECONDS * camera_rate)]
    now = iter(arrivals)
    limit = RateLimit(lambda: time_s)
    for time_s in now:  # noqa: B007 - the clock reads it
        if limit.lets_through(max_rate):
            times.append(time_s)
    return times


def test_without_a_limit_all_go_on():
    assert len(let_through(0.0, 30)) == SECONDS * 30


@pytest.mark.parametrize("max_rate", [0.5, 4.0, 10.0, 20.0, 29.0])
@pytest.mark.parametrize("jitter_s", [0.0, 0.02])
def test_the_limit_is_reached_and_never_passed(max_rate, jitter_s):
    passed = len(let_through(max_rate, 30, jitter_s))
    assert SECONDS * max_rate * 0.95 <= passed <= SECONDS * max_rate + 2


def test_a_slower_camera_is_not_thinned_out():
    assert len(let_through(30.0, 10, jitter_s=0.02)) == SECONDS * 10


def test_after_a_pause_no_burst_follows():
    times = iter([0.0, 100.0, 100.01, 100.02, 100.03, 100.2])
    now_s = 0.0
    limit = RateLimit(lambda: now_s)
    passed = []
    for now_s in times:  # noqa: B020, B007 - the clock reads it
        if limit.lets_through(10.0):
            passed.append(now_s)
    assert passed in ([0.0, 100.0, 100.01, 100.2], [0.0, 100.0, 100.2])


def test_another_limit_counts_from_the_next_image_on():
    """Once in 100 s was asked for; whoever then asks for more does not wait for their end."""
    now_s = 0.0
    limit = RateLimit(lambda: now_s)
    while limit.lets_through(0.01):
        pass
    now_s = 1.0
    assert limit.lets_through(10.0) and not limit.lets_through(10.0)
    now_s = 1.2
    assert limit.lets_through(10.0)
