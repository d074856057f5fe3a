# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which segment keeps which id, by where it was in the images before."""

from __future__ import annotations

import numpy as np
import pytest
from tracked_stream import Stream, ids

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import Segmentation, TrackState


def segments(*boxes, hw=(40, 60), labels=None) -> Segmentation:
    """Return segments that are boxes (left, top, right, bottom), all of label 0 unless told."""
    label_map = np.full(hw, -1, np.int32)
    for segment, (left, top, right, bottom) in enumerate(boxes):
        label_map[top:bottom, left:right] = segment
    labels = np.array(labels or [0] * len(boxes), np.int64)
    return Segmentation(label_map, labels, np.ones(len(boxes), np.float32))


A, B = (0, 0, 10, 10), (30, 20, 50, 35)
A_MOVED, B_MOVED = (2, 1, 12, 11), (28, 20, 48, 35)


def test_moving_segments_keep_their_ids_whatever_their_order():
    stream = Stream()
    assert ids(stream.show(segments(A, B), 0)) == [1, 2]
    assert ids(stream.show(segments(B_MOVED, A_MOVED), 1)) == [2, 1]


@pytest.mark.parametrize("min_hits", [1, 3])
def test_a_track_is_confirmed_when_seen_often_enough_and_remembers_its_first_image(min_hits):
    stream = Stream(track_min_hits=min_hits)
    for step in range(4):
        (track,) = stream.show(segments(A), 50 + step)
        confirmed = step + 1 >= min_hits
        assert track.state == (TrackState.CONFIRMED if confirmed else TrackState.TENTATIVE)
        assert (track.id, track.first_seen_ns) == (1, 50)


def test_another_label_at_the_same_place_is_another_track():
    stream = Stream()
    stream.show(segments(A, labels=[0]), 0)
    assert ids(stream.show(segments(A, labels=[1]), 1)) == [2]


def test_too_little_overlap_is_another_track():
    stream = Stream()
    stream.show(segments((0, 0, 10, 10)), 0)
    assert ids(stream.show(segments((6, 0, 16, 10)), 1)) == [2]  # IoU 40 / 160


def test_the_better_overlap_wins_the_track():
    stream = Stream()
    stream.show(segments((10, 0, 30, 20)), 0)
    halves = segments((0, 0, 18, 20), (18, 0, 30, 20))  # IoU 0.27 + more, 0.6
    assert ids(stream.show(halves, 1)) == [2, 1]


@pytest.mark.parametrize(("gap", "expected"), [(0, 1), (1, 1), (5, 1), (6, 2)])
def test_a_hidden_segment_is_recognised_for_max_missed_frames(gap, expected):
    stream = Stream(track_max_missed=5)
    stream.show(segments(A), 0)
    for step in range(gap):
        assert stream.show(segments(), 10 + step) == ()
    (track,) = stream.show(segments(A_MOVED), 90)
    assert track.id == expected
    assert track.first_seen_ns == (0 if expected == 1 else 90)


def test_images_in_which_a_node_was_missing_do_not_count_as_seen():
    stream = Stream(track_min_hits=3)
    shown = [segments(A), segments(), segments(), segments(A), segments(), segments(A)]
    tracks = [stream.show(one, step) for step, one in enumerate(shown)]
    states = [track.state for seen in tracks for track in seen]
    assert states == [TrackState.TENTATIVE] * 2 + [TrackState.CONFIRMED]


def test_the_least_overlap_is_a_setting():
    moved = segments((6, 0, 16, 10))  # IoU 40 / 160
    for min_iou, expected in ((0.24, 1), (0.26, 2)):
        stream = Stream(track_min_iou=min_iou)
        stream.show(segments((0, 0, 10, 10)), 0)
        assert ids(stream.show(moved, 1)) == [expected]


def test_settings_may_change_while_a_track_goes_on():
    stream = Stream(track_min_hits=9)
    frame, shown = Frame(np.zeros((40, 60, 3), np.uint8), stamp_ns=1), segments(A)
    assert stream.show(shown, 0)[0].state == TrackState.TENTATIVE
    regions = measure_regions(shown.label_map, 1)
    (track,) = stream.tracker.update(frame, shown, regions, PipelineConfig(track_min_hits=2))
    assert (track.id, track.state) == (1, TrackState.CONFIRMED)


def test_a_frame_without_a_stamp_is_no_part_of_a_stream():
    shown = segments(A)
    with pytest.raises(ValueError, match="without a stamp"):
        Stream().show(shown, None)


def test_a_hidden_segment_is_recognised_beside_one_that_stayed():
    stream = Stream()
    shown = [segments(A, B), segments(A), segments(A_MOVED, B_MOVED)]
    assert [ids(stream.show(one, step)) for step, one in enumerate(shown)] == [[1, 2], [1], [1, 2]]


def test_a_lost_track_is_given_back_only_once():
    stream = Stream()
    stream.show(segments(A), 0)
    stream.show(segments(), 1)
    assert ids(stream.show(segments(A_MOVED, (0, 0, 2, 11)), 2)) == [1, 2]
    assert ids(stream.show(segments(A_MOVED), 3)) == [1]


def test_a_new_image_size_ends_tracks_but_does_not_give_ids_twice():
    stream = Stream()
    stream.show(segments(A, B), 0)
    assert ids(stream.show(segments(A, hw=(50, 60)), 1)) == [3]
    assert ids(stream.show(segments(A, B), 2)) == [4, 5]


def test_a_restart_begins_again_at_one():
    stream = Stream()
    stream.show(segments(A, B), 0)
    stream.tracker.restart()
    assert ids(stream.show(segments(A), 1)) == [1]


def test_ids_are_never_given_twice_in_a_long_flickering_stream():
    rng = np.random.default_rng(0)
    stream, first_seen = Stream(track_max_missed=2, track_gap_s=0.0), {}
    for step in range(200):
        lefts = rng.integers(0, 50, rng.integers(0, 4))
        boxes = [(int(x), 10 * i, int(x) + 8, 10 * i + 8) for i, x in enumerate(lefts)]
        tracks = stream.show(segments(*boxes), step)
        assert len(set(ids(tracks))) == len(tracks)
        for track in tracks:
            assert first_seen.setdefault(track.id, track.first_seen_ns) == track.first_seen_ns
    assert len(first_seen) > 20
