# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Repeats, percentiles and what counts as noise."""

import time

import pytest

from psg_ros.benchmark.timing import Timing, is_faster, time_calls


def timing(*wall_ms: float) -> Timing:
    return Timing(wall_ms, wall_ms)


def test_warm_up_is_called_but_not_counted():
    calls = []
    measured, last = time_calls(lambda: calls.append(0) or len(calls), repeats=3, warmup=2)
    assert len(calls) == last == 5
    assert len(measured.wall_ms) == len(measured.cpu_ms) == 3


def test_device_is_waited_for_before_and_after_every_call():
    events = []
    time_calls(lambda: events.append("call"), 2, 1, lambda: events.append("wait"))
    assert events == ["wait", "call", "wait"] * 3


def test_sleeping_takes_time_on_the_wall_but_not_of_the_processor():
    measured, _ = time_calls(lambda: time.sleep(0.02), repeats=1, warmup=0)
    assert measured.median_ms >= 20
    assert measured.cpu_median_ms < 15


def test_median_and_high_percentile():
    measured = timing(*range(1, 101))
    assert measured.median_ms == 50.5
    assert measured.p95_ms == pytest.approx(95.05)


def test_notch_is_that_of_a_box_plot():
    assert timing(1, 2, 3, 4, 5).notch_ms == pytest.approx(1.57 * 2 / 5**0.5)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ((50, 51, 52, 53, 54), True),
        ((98, 99, 100, 101, 102), False),
        ((150, 151, 152, 153, 154), False),
        ((50,), None),
    ],
    ids=["clearly", "within the noise", "slower", "too few repeats"],
)
def test_faster_means_by_more_than_the_noise(new, expected):
    assert is_faster(timing(*new), timing(98, 100, 101, 102, 104)) is expected
