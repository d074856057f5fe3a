# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which depth goes with which image, whatever comes first, and how long anything waits."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

from psg_ros.ros import depth_pairing
from psg_ros.ros.depth_pairing import KEPT, SILENT_S, DepthPairing, PairingError

MS = 1_000_000
START = 1_000 * MS
SLOP_S = 0.02


class Depth:
    """A message; counted by weak references."""

    def __init__(self, name):
        self.name = name


@pytest.fixture
def clock(monkeypatch):
    """A list with the time that the pairing knows: a pause of this process is no silence."""
    now_s = [100.0]
    monkeypatch.setattr(depth_pairing, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    return now_s


@pytest.fixture
def pairing(clock):
    return DepthPairing("/depth")


def add(pairing, *milliseconds):
    for offset in milliseconds:
        pairing.add(START + round(offset * MS), Depth(offset))


def test_the_exact_stamp_wins_before_and_after(pairing):
    add(pairing, -1, 0, 1)
    assert pairing.want(START, SLOP_S).take(0).name == 0
    wanted = pairing.want(START + 30 * MS, SLOP_S)
    add(pairing, 29, 30, 31)
    assert wanted.take(0).name == 30


def test_else_the_nearest_within_the_slop(pairing):
    wanted = pairing.want(START, SLOP_S)
    add(pairing, -15, -4, 7)
    assert wanted.take(0).name == -4


def test_out_of_the_slop_is_none_and_says_how_far(pairing):
    add(pairing, -40)
    with pytest.raises(PairingError, match=r"on /depth is 0.040 s before the image, depth_slop_"):
        pairing.want(START, SLOP_S).take(0)
    add(pairing, 25)
    with pytest.raises(PairingError, match=r"0.025 s after the image, depth_slop_s is 0.02: pub"):
        pairing.want(START, SLOP_S).take(0)


def test_a_slop_of_zero_takes_equal_stamps_only(pairing):
    add(pairing, 0.001)
    with pytest.raises(PairingError):
        pairing.want(START, 0.0).take(0)
    add(pairing, 0)
    assert pairing.want(START, 0.0).take(0).name == 0


def test_where_nothing_ever_came_nobody_waits_for_long(pairing, clock):
    clock[0] += SILENT_S
    started_s = time.monotonic()
    with pytest.raises(PairingError, match="nothing has arrived on /depth"):
        pairing.want(START, SLOP_S).take(60.0)
    assert time.monotonic() - started_s < 30.0


def test_a_late_depth_is_waited_for_and_no_longer_than_until_it_comes(pairing):
    add(pairing, -33)
    wanted = pairing.want(START, SLOP_S)
    timer = threading.Timer(0.05, lambda: add(pairing, 0))
    timer.start()
    started_s = time.monotonic()
    assert wanted.take(60.0).name == 0
    assert time.monotonic() - started_s < 30.0
    timer.join()


def test_the_first_depth_may_come_just_behind_its_image(pairing):
    wanted = pairing.want(START, SLOP_S)
    timer = threading.Timer(0.05, lambda: add(pairing, 0))
    timer.start()
    assert wanted.take(60.0).name == 0
    timer.join()


def test_a_depth_that_does_not_come_holds_back_no_longer_than_allowed(pairing):
    add(pairing, -33)
    wanted = pairing.want(START, SLOP_S)
    started_s = time.monotonic()
    with pytest.raises(PairingError):
        wanted.take(0.1)
    assert 0.05 < time.monotonic() - started_s < 30.0


def test_the_wait_counts_from_when_the_image_came(pairing, clock):
    wanted = pairing.want(START, SLOP_S)
    clock[0] += 60.0  # the network runs
    add(pairing, -33)
    started_s = time.monotonic()
    with pytest.raises(PairingError):
        wanted.take(60.0)
    assert time.monotonic() - started_s < 30.0


def test_once_depth_has_gone_silent_nobody_waits(pairing, clock):
    add(pairing, -33)
    clock[0] += SILENT_S
    started_s = time.monotonic()
    with pytest.raises(PairingError):
        pairing.want(START, SLOP_S).take(60.0)
    assert time.monotonic() - started_s < 30.0


def test_once_a_later_depth_is_there_nobody_waits_for_a_nearer_one(pairing):
    wanted = pairing.want(START, SLOP_S)
    add(pairing, -10, 12)
    started_s = time.monotonic()
    assert wanted.take(60.0).name == -10
    assert time.monotonic() - started_s < 30.0


def test_an_image_that_waits_for_its_turn_keeps_its_depth_among_many(pairing):
    wanted = pairing.want(START, SLOP_S)
    add(pairing, *range(0, 3000, 33))
    assert wanted.take(0).name == 0


def test_memory_is_bounded_by_images_and_kept_messages(pairing):
    held = [pairing.want(START + i * MS, SLOP_S) for i in range(2)]
    alive = []
    for number in range(1000):
        depth = Depth(number)
        alive.append(weakref.ref(depth))
        pairing.add(START + number * 33 * MS, depth)
        pairing.want(START + number * 33 * MS, SLOP_S)  # an image that was dropped
        del depth
    gc.collect()
    assert sum(reference() is not None for reference in alive) <= KEPT + len(held)
    assert len(pairing._wanted) <= len(held)


def test_after_time_went_back_old_messages_belong_to_nothing(pairing):
    add(pairing, 5000, 5033, -60_000 / 100)
    with pytest.raises(PairingError, match="0.600 s before"):
        pairing.want(START, SLOP_S).take(0)
    with pytest.raises(PairingError, match="5.600 s before"):
        pairing.want(START + 5000 * MS, SLOP_S).take(0)
