# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ids while images follow on each other, and after they did not."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from psg_ros.node_config import NodeConfig
from psg_ros.ros.conversions import NANOSECONDS, ns_to_time, time_to_ns
from psg_ros.ros.identities import Identities
from psg_ros.scene_graph import Segmentation, TrackState

TENTATIVE, CONFIRMED = TrackState.TENTATIVE, TrackState.CONFIRMED
START_NS = 1_700_000_000_123_456_789
FRAME_NS = 33_000_000
GAP_S = NodeConfig().track_gap_s
GAP_NS = int(GAP_S * NANOSECONDS)
LAST_STAMP = Time(sec=2**31 - 1, nanosec=2**32 - 1)
FIRST_STAMP = Time(sec=-(2**31), nanosec=0)


def two_things(count=2, hw=(8, 8)):
    """Return `count` bars side by side."""
    label_map = np.repeat(np.arange(count, dtype=np.int32), hw[1] // 2)[None].repeat(hw[0], 0)
    return Segmentation(label_map, np.zeros(count, np.int64), np.ones(count, np.float32))


def header(nanoseconds, frame="camera"):
    return Header(stamp=ns_to_time(nanoseconds), frame_id=frame)


def follow(headers, max_gap_s=GAP_S):
    """Return the first node's (id, first_seen in ns) after each image."""
    identities, seen = Identities(), []
    for one in headers:
        track, *_ = identities.update(two_things(), one, max_gap_s)
        assert track.first_seen_ns <= time_to_ns(one.stamp)
        seen.append((track.id, track.first_seen_ns))
    return seen


def test_ids_stay_become_confirmed_and_know_their_first_image():
    identities = Identities()
    for image in range(3):
        tracks = identities.update(two_things(), header(START_NS + image * FRAME_NS), GAP_S)
        assert [track.id for track in tracks] == [1, 2]
        assert [track.state for track in tracks] == [TENTATIVE if image < 2 else CONFIRMED] * 2
        assert all(track.first_seen_ns == START_NS for track in tracks)


def test_an_interruption_ends_all_tracks_and_no_id_is_given_again():
    identities = Identities()
    identities.update(two_things(), header(0), GAP_S)
    empty = Segmentation(np.full((8, 8), -1, np.int32), np.zeros(0, np.int64), np.zeros(0, "f4"))
    for expected in ([3, 4], [5, 6]):
        identities.interrupt()
        identities.update(empty, header(5), GAP_S)
        identities.interrupt()
        tracks = identities.update(two_things(), header(expected[0]), GAP_S)
        assert [track.id for track in tracks] == expected
        assert all(track.state == TENTATIVE for track in tracks)
        assert tracks[0].first_seen_ns == expected[0]


@pytest.mark.parametrize(
    "later_ns",
    [
        pytest.param(START_NS - 1, id="by a nanosecond"),
        pytest.param(START_NS - 60 * NANOSECONDS, id="bag played in a loop"),
        pytest.param(0, id="simulation restarted"),
        pytest.param(-5, id="before 1970"),
    ],
)
def test_stamps_that_go_back_end_all_tracks(later_ns):
    before, after, then = follow(map(header, (START_NS, later_ns, later_ns + FRAME_NS)))
    assert before == (1, START_NS)
    assert after == then == (3, later_ns)


@pytest.mark.parametrize(
    ("gap_ns", "max_gap_s", "goes_on"),
    [
        (GAP_NS, GAP_S, True),
        (GAP_NS + 1, GAP_S, False),
        (3600 * NANOSECONDS, GAP_S, False),
        (3600 * NANOSECONDS, 0.0, True),
        (NANOSECONDS, 0.5, False),
    ],
)
def test_a_gap_above_the_limit_ends_all_tracks(gap_ns, max_gap_s, goes_on):
    _, after = follow(map(header, (START_NS, START_NS + gap_ns)), max_gap_s=max_gap_s)
    assert after == ((1, START_NS) if goes_on else (3, START_NS + gap_ns))


def test_without_a_limit_first_seen_stays_exact_over_any_gap():
    stamps = (0, START_NS, START_NS + FRAME_NS)
    assert follow(map(header, stamps), max_gap_s=0.0) == [(1, 0)] * 3


@pytest.mark.parametrize("stamp_ns", [0, START_NS])
def test_a_camera_whose_stamps_are_all_equal_is_followed(stamp_ns):
    assert follow([header(stamp_ns)] * 4) == [(1, stamp_ns)] * 4


def test_another_frame_ends_all_tracks():
    headers = [header(START_NS, "left"), header(START_NS, "right"), header(START_NS, "right")]
    assert [id_ for id_, _ in follow(headers)] == [1, 3, 3]


def test_another_image_size_ends_all_tracks():
    identities = Identities()
    sizes = ((8, 8), (8, 4), (8, 4), (8, 8))
    tracks = [identities.update(two_things(hw=hw), header(START_NS), GAP_S) for hw in sizes]
    assert [track[0].id for track in tracks] == [1, 3, 3, 5]


def test_whatever_a_message_can_hold_is_followed():
    odd = [FIRST_STAMP, Time(sec=0, nanosec=2**32 - 1), LAST_STAMP, LAST_STAMP, FIRST_STAMP]
    seen = follow(Header(stamp=stamp) for stamp in odd)
    assert [id_ for id_, _ in seen] == [1, 3, 5, 5, 7]
    assert ns_to_time(seen[2][1]) == LAST_STAMP
