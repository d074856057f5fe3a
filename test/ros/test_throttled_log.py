# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What keeps happening is told now and then, with how often it did."""

from __future__ import annotations

import pytest

from psg_ros.ros.throttled_log import ThrottledLog


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_told_at_once_then_after_waits_that_double(clock):
    lines = []
    log = ThrottledLog(lines.append, clock_s=clock)
    for _ in range(32):
        log("no depth", "it is dark")
        clock.now_s += 1
    assert lines == [
        "no depth (1 times): it is dark",
        "no depth (10 times): it is dark",
        "no depth (20 times): it is dark",
    ]


def test_a_stutter_is_not_worth_a_line(clock):
    lines = []
    log = ThrottledLog(lines.append, patience_s=2.0, clock_s=clock)
    for _ in range(5):
        log("no depth", "it is late")
        clock.now_s += 0.3
    clock.now_s += 60
    log("no depth", "it is late")
    assert lines == []
    clock.now_s += 2.1
    log("no depth", "it is late")
    assert lines == ["no depth (2 times): it is late"]


def test_matters_do_not_silence_each_other(clock):
    lines = []
    log = ThrottledLog(lines.append, clock_s=clock)
    log("no depth", "a")
    log("no gravity", "b")
    assert len(lines) == 2
