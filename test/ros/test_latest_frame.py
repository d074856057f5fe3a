# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The mailbox: newest wins, drops are counted, nobody waits for ever."""

import threading

from psg_ros.ros.latest_frame import LatestFrame


def test_the_newest_frame_replaces_the_waiting_one_and_is_counted():
    mailbox = LatestFrame()
    for frame in ("a", "b", "c"):
        mailbox.put(frame)
    assert mailbox.take() == "c"
    assert mailbox.dropped_before == 2


def test_what_was_replaced_after_the_taken_frame_counts_with_the_next_one():
    mailbox = LatestFrame()
    mailbox.put("a")
    assert mailbox.take() == "a"
    mailbox.put("b")
    mailbox.put("c")
    assert mailbox.dropped_before == 0
    assert mailbox.take() == "c" and mailbox.dropped_before == 1


def test_a_taken_frame_is_not_counted_as_dropped():
    mailbox = LatestFrame()
    for frame in range(5):
        mailbox.put(frame)
        assert mailbox.take() == frame
    assert mailbox.dropped_before == 0


def test_clear_forgets_the_waiting_frame_and_the_count():
    mailbox = LatestFrame()
    mailbox.put(1)
    mailbox.put(2)
    mailbox.clear()
    assert mailbox.dropped_before == 0
    mailbox.put(3)
    assert mailbox.take() == 3 and mailbox.dropped_before == 0


def test_take_waits_until_a_frame_comes():
    mailbox, taken = LatestFrame(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take()))
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    mailbox.put("late")
    consumer.join(5)
    assert taken == ["late"]


def test_close_wakes_the_consumer_with_none():
    mailbox, taken = LatestFrame(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take()))
    consumer.start()
    mailbox.close()
    consumer.join(5)
    assert taken == [None]
    mailbox.put("ignored")
    assert mailbox.take() is None
