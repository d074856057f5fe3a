# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ids while images follow on each other, and after they did not."""

import numpy as np
import pytest
from tracked_stream import SECOND_NS, Stream, ids, scene, segments

from psg_ros.config import PipelineConfig
from psg_ros.scene_graph import Segmentation, TrackState

TENTATIVE, CONFIRMED = TrackState.TENTATIVE, TrackState.CONFIRMED
START_NS = 1_700_000_000_123_456_789
FRAME_NS = 33_000_000
GAP_NS = int(PipelineConfig().track_gap_s * SECOND_NS)
LAST_STAMP_NS = (2**31 - 1) * SECOND_NS + 2**32 - 1  # that a ROS message can hold
FIRST_STAMP_NS = -(2**31) * SECOND_NS


def two_things(count=2, hw=(8, 8)):
    """Return `count` bars side by side."""
    label_map = np.repeat(np.arange(count, dtype=np.int32), hw[1] // 2)[None].repeat(hw[0], 0)
    return Segmentation(label_map, np.zeros(count, np.int64), np.ones(count, np.float32))


def follow(stamps_ns, **settings):
    """Return the first node's (id, first_seen_ns) after each image."""
    stream, seen = Stream(**settings), []
    for stamp_ns in stamps_ns:
        track, *_ = stream.show(two_things(), stamp_ns)
        assert track.first_seen_ns <= stamp_ns
        seen.append((track.id, track.first_seen_ns))
    return seen


def test_ids_stay_become_confirmed_and_know_their_first_image():
    stream = Stream(track_confirm_s=2 * FRAME_NS / SECOND_NS)
    for image in range(3):
        tracks = stream.show(two_things(), START_NS + image * FRAME_NS)
        assert ids(tracks) == [1, 2]
        assert [track.state for track in tracks] == [TENTATIVE if image < 2 else CONFIRMED] * 2
        assert all(track.first_seen_ns == START_NS for track in tracks)


def test_an_interruption_ends_all_tracks_and_no_id_is_given_again():
    stream = Stream()
    stream.show(two_things(), 0)
    empty = Segmentation(np.full((8, 8), -1, np.int32), np.zeros(0, np.int64), np.zeros(0, "f4"))
    for expected in ([3, 4], [5, 6]):
        stream.tracker.interrupt()
        stream.show(empty, 5)
        stream.tracker.interrupt()
        tracks = stream.show(two_things(), expected[0])
        assert ids(tracks) == expected
        assert all(track.state == TENTATIVE for track in tracks)
        assert tracks[0].first_seen_ns == expected[0]


@pytest.mark.parametrize(
    "later_ns",
    [
        pytest.param(START_NS - 1, id="by a nanosecond"),
        pytest.param(START_NS - 60 * SECOND_NS, id="bag played in a loop"),
        pytest.param(0, id="simulation restarted"),
        pytest.param(-5, id="before 1970"),
    ],
)
def test_stamps_that_go_back_end_all_tracks(later_ns):
    before, after, then = follow((START_NS, later_ns, later_ns + FRAME_NS))
    assert before == (1, START_NS)
    assert after == then == (3, later_ns)


@pytest.mark.parametrize(
    ("gap_ns", "settings", "goes_on"),
    [
        (GAP_NS, {}, True),
        (GAP_NS + 1, {}, False),
        (3600 * SECOND_NS, {}, False),
        (3600 * SECOND_NS, {"track_gap_s": 0.0}, True),
        (SECOND_NS, {"track_gap_s": 0.5}, False),
    ],
)
def test_a_gap_above_the_limit_ends_all_tracks(gap_ns, settings, goes_on):
    _, after = follow((START_NS, START_NS + gap_ns), **settings)
    assert after == ((1, START_NS) if goes_on else (3, START_NS + gap_ns))


def test_without_a_limit_first_seen_stays_exact_over_any_gap():
    assert follow((0, START_NS, START_NS + FRAME_NS), track_gap_s=0.0) == [(1, 0)] * 3


@pytest.mark.parametrize("stamp_ns", [0, START_NS])
def test_a_camera_whose_stamps_are_all_equal_is_followed(stamp_ns):
    assert follow([stamp_ns] * 4) == [(1, stamp_ns)] * 4


def test_without_stamps_images_count_as_if_30_came_in_a_second():
    stream = Stream(track_confirm_s=0.499, track_coast_s=1.0)
    states = [stream.show(two_things(), 0)[0].state for _ in range(17)]
    assert states == [TENTATIVE] * 15 + [CONFIRMED] * 2
    coasting = [len(stream.follow(segments(hw=(8, 8)), 0).coasting) for _ in range(31)]
    assert coasting == [2] * 30 + [0]


@pytest.mark.parametrize(("settings", "goes_on"), [({}, False), ({"track_cut": -1.0}, True)])
def test_a_cut_ends_all_tracks(settings, goes_on):
    stream, shown = Stream(**settings), two_things(hw=(240, 320))
    for image in (0, 1):
        first = stream.follow(shown, START_NS + image * FRAME_NS, image=scene(0, (240, 320)))
    after = stream.follow(shown, START_NS + 2 * FRAME_NS, image=scene(1, (240, 320)))
    assert ids(first.tracks) == [1, 2]
    assert ids(after.tracks) == ([1, 2] if goes_on else [3, 4])
    assert after.elapsed_ns == (FRAME_NS if goes_on else 0)
    assert after.coasting == ()


def test_another_frame_ends_all_tracks():
    stream = Stream()
    seen = [stream.show(two_things(), START_NS, name) for name in ("left", "right", "right")]
    assert [tracks[0].id for tracks in seen] == [1, 3, 3]


def test_another_image_size_ends_all_tracks():
    stream = Stream()
    sizes = ((8, 8), (8, 4), (8, 4), (8, 8))
    tracks = [stream.show(two_things(hw=hw), START_NS) for hw in sizes]
    assert [track[0].id for track in tracks] == [1, 3, 3, 5]


def test_whatever_a_message_can_hold_is_followed():
    odd = [FIRST_STAMP_NS, 2**32 - 1, LAST_STAMP_NS, LAST_STAMP_NS, FIRST_STAMP_NS]
    seen = follow(odd)
    assert [id_ for id_, _ in seen] == [1, 3, 5, 5, 7]
    assert seen[2][1] == LAST_STAMP_NS


def test_a_node_that_comes_later_was_first_seen_later():
    stream, both = Stream(track_confirm_s=2 * FRAME_NS / SECOND_NS), two_things()
    alone = Segmentation(both.label_map.clip(max=0), both.labels[:1], both.scores[:1])
    alone.label_map[:, 4:] = -1
    stream.show(alone, START_NS)
    for image in (1, 2, 3):
        old, new = stream.show(both, START_NS + image * FRAME_NS)
    assert (old.id, old.first_seen_ns, old.state) == (1, START_NS, CONFIRMED)
    assert (new.id, new.first_seen_ns, new.state) == (2, START_NS + FRAME_NS, CONFIRMED)
