# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The mailbox: newest wins, drops are counted, nobody waits for ever."""

import threading

import pytest

from psg_ros.ros import latest_frames
from psg_ros.ros.latest_frames import GIVE_WAY_S, LatestFrames


@pytest.fixture
def pauses(monkeypatch):
    """The pauses of those who put frames, in seconds."""
    made = []
    monkeypatch.setattr(latest_frames.time, "sleep", made.append)
    return made


def test_the_newest_frame_replaces_the_waiting_one_and_is_counted():
    mailbox = LatestFrames()
    for frame in ("a", "b", "c"):
        mailbox.put(frame)
    assert mailbox.take() == (0, "c")
    assert mailbox.dropped_before() == 2


def test_what_was_replaced_after_the_taken_frame_counts_with_the_next_one():
    mailbox = LatestFrames()
    mailbox.put("a")
    assert mailbox.take() == (0, "a")
    mailbox.put("b")
    mailbox.put("c")
    assert mailbox.dropped_before() == 0
    assert mailbox.take() == (0, "c") and mailbox.dropped_before() == 1


def test_a_taken_frame_is_not_counted_as_dropped():
    mailbox = LatestFrames()
    for frame in range(5):
        mailbox.put(frame)
        assert mailbox.take() == (0, frame)
    assert mailbox.dropped_before() == 0


def test_clear_forgets_the_waiting_frame_and_the_count():
    mailbox = LatestFrames()
    mailbox.put(1)
    mailbox.put(2)
    mailbox.clear()
    assert mailbox.dropped_before() == 0
    mailbox.put(3)
    assert mailbox.take() == (0, 3) and mailbox.dropped_before() == 0


def test_take_waits_until_a_frame_comes():
    mailbox, taken = LatestFrames(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take()))
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    mailbox.put("late")
    consumer.join(5)
    assert taken == [(0, "late")]


def test_a_consumer_that_waits_is_given_way_once(pauses):
    mailbox = LatestFrames()
    consumer = threading.Thread(target=mailbox.take)
    consumer.start()
    while not mailbox._waits:
        consumer.join(0.001)
    mailbox.put("a")
    mailbox.put("b")
    consumer.join(5)
    assert pauses == [GIVE_WAY_S]


def test_nobody_pauses_for_a_consumer_that_is_busy(pauses):
    mailbox = LatestFrames()
    mailbox.put("a")
    mailbox.take()
    mailbox.put("b")
    assert pauses == []


def test_close_wakes_the_consumer_with_none():
    mailbox, taken = LatestFrames(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take()))
    consumer.start()
    mailbox.close()
    consumer.join(5)
    assert taken == [None]
    mailbox.put("ignored")
    assert mailbox.take() is None


def test_sources_have_turns_however_fast_one_of_them_is():
    mailbox = LatestFrames(3)
    taken = []
    for number in range(9):
        mailbox.put(f"fast {number}", source=1)
        if number % 3 == 0:
            mailbox.put(f"slow {number}", source=2)
        taken.append(mailbox.take()[0])
    # Source 0 is dead: nobody waits for it. Source 2 never waits for more than one other frame.
    assert taken == [1, 2, 1, 2, 1, 1, 2, 1, 1]


def test_of_three_that_always_have_a_frame_each_gets_every_third_turn():
    mailbox = LatestFrames(3)
    taken = []
    for number in range(9):
        for source in range(3):
            mailbox.put(number, source)
        taken.append(mailbox.take()[0])
    assert taken == [0, 1, 2] * 3


def test_drops_are_counted_for_each_source():
    mailbox = LatestFrames(2)
    mailbox.put("a", 0)
    mailbox.put("b", 0)
    mailbox.put("c", 1)
    assert mailbox.take() == (0, "b") and mailbox.take() == (1, "c")
    assert (mailbox.dropped_before(0), mailbox.dropped_before(1)) == (1, 0)
