# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every image that the camera sent is delivered, replaced or lost: none is in no counter."""

import random

import pytest

from psg_ros.ros.arrivals import KEPT_PUBLISHERS, UNSUPPORTED, ArrivalCounts, Arrivals


def info(number, publisher=b"camera"):
    """What rclpy tells with a message, as in Kilted."""
    return {"publication_sequence_number": number, "publisher_gid": {"data": publisher}}


def not_asked():
    raise AssertionError("the message tells whose it is, or no number: the graph is not asked")


def test_images_without_gaps_are_just_delivered():
    arrivals = Arrivals(not_asked)
    for number in range(1, 6):
        arrivals.deliver(info(number))
    assert arrivals.counts == ArrivalCounts(delivered=5)


def test_a_gap_that_no_event_explains_was_replaced_in_the_queue():
    arrivals = Arrivals(not_asked)
    for number in (1, 5, 6):
        arrivals.deliver(info(number))
    assert arrivals.counts == ArrivalCounts(delivered=3, replaced=3)
    assert arrivals.counts.received == 6


@pytest.mark.parametrize("early", [True, False])
def test_a_gap_that_an_event_explains_was_lost_whichever_comes_first(early):
    arrivals = Arrivals(not_asked)
    arrivals.deliver(info(1))
    if early:
        arrivals.lose(3)
    arrivals.deliver(info(5))
    if not early:
        arrivals.lose(3)
    arrivals.deliver(info(6))
    assert arrivals.counts == ArrivalCounts(delivered=3, lost=3)


def test_losses_before_the_first_image_explain_no_later_gap():
    arrivals = Arrivals(not_asked)
    arrivals.lose(30)
    for number in (31, 40, 41):
        arrivals.deliver(info(number))
    assert arrivals.counts == ArrivalCounts(delivered=3, replaced=8, lost=30)


def test_a_camera_that_starts_again_leaves_no_gap():
    arrivals = Arrivals(not_asked)
    for number in (900, 901, 1, 2):
        arrivals.deliver(info(number))
    arrivals.deliver(info(5000, b"the next one"))
    arrivals.deliver(info(5001, b"the next one"))
    assert arrivals.counts == ArrivalCounts(delivered=6)


def test_another_subscription_does_not_count_what_came_between():
    arrivals = Arrivals(not_asked)
    arrivals.deliver(info(1))
    arrivals.forget_publishers()
    for number in (9, 10):
        arrivals.deliver(info(number))
    assert arrivals.counts == ArrivalCounts(delivered=3)


def test_without_the_publishers_name_numbers_count_only_while_there_is_one():
    """Jazzy tells the number, but not whose it is."""
    publishers = iter((1, 1, 1, 2, 2, 1, 1))
    arrivals = Arrivals(lambda: next(publishers))
    for number in (1, 3, 4, 700, 5, 6, 7):
        arrivals.deliver({"publication_sequence_number": number})
    assert arrivals.counts == ArrivalCounts(delivered=7, replaced=1)


@pytest.mark.parametrize("told", [{}, info(UNSUPPORTED), info(None)])
def test_a_middleware_without_numbers_costs_nothing_but_the_count(told):
    arrivals = Arrivals(not_asked)
    for _ in range(3):
        arrivals.deliver(told)
    arrivals.lose(2)
    arrivals.deliver(told)
    assert arrivals.counts == ArrivalCounts(delivered=4, lost=2)


def test_many_cameras_that_come_and_go_fill_no_memory():
    arrivals = Arrivals(not_asked)
    for camera in range(10 * KEPT_PUBLISHERS):
        arrivals.deliver(info(1, str(camera).encode()))
    assert len(arrivals._last) <= KEPT_PUBLISHERS


@pytest.mark.parametrize("seed", range(20))
def test_in_any_flood_the_counters_add_up(seed):
    """Two cameras; each image is delivered, replaced or lost, events early or late by one."""
    rng = random.Random(seed)
    arrivals, sent = Arrivals(not_asked), {b"a": 0, b"b": 0}
    truth = {"delivered": 0, "replaced": 0, "lost": 0}
    for camera in sent:  # both are known before anything goes wrong
        sent[camera] += 1
        arrivals.deliver(info(sent[camera], camera))
        truth["delivered"] += 1
    for _ in range(500):
        camera = rng.choice(list(sent))
        lost, replaced = rng.choice([0, 0, 1, 7]), rng.choice([0, 0, 2])
        sent[camera] += lost + replaced + 1
        for key, number in (("lost", lost), ("replaced", replaced), ("delivered", 1)):
            truth[key] += number
        early = rng.random() < 0.5
        if early:
            arrivals.lose(lost)
        arrivals.deliver(info(sent[camera], camera))
        if not early:
            arrivals.lose(lost)
    camera = rng.choice(list(sent))
    sent[camera] += 1
    arrivals.deliver(info(sent[camera], camera))  # judges the gap before it
    truth["delivered"] += 1
    assert arrivals.counts == ArrivalCounts(**truth)
    assert arrivals.counts.received + arrivals.counts.lost == sum(sent.values())
