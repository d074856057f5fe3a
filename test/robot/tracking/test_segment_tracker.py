# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Identities over frames."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.tracking.segment_tracker import (
    SegmentTracker,
    best_pairs,
    box_iou,
    mask_iou,
)
from psg_ros.scene_graph import Segmentation


def frame(*boxes, hw=(40, 60), labels=None) -> Segmentation:
    """A frame of boxes (left, top, right, bottom), all of label 0 unless told."""
    label_map = np.full(hw, -1, np.int32)
    for segment, (left, top, right, bottom) in enumerate(boxes):
        label_map[top:bottom, left:right] = segment
    labels = np.array(labels or [0] * len(boxes), np.int64)
    return Segmentation(label_map, labels, np.ones(len(boxes), np.float32))


def ids(tracks) -> list[int]:
    return [track.id for track in tracks]


A, B = (0, 0, 10, 10), (30, 20, 50, 35)
A_MOVED, B_MOVED = (2, 1, 12, 11), (28, 20, 48, 35)


def test_moving_segments_keep_their_ids_whatever_their_order():
    tracker = SegmentTracker()
    assert ids(tracker.update(frame(A, B), 0)) == [1, 2]
    assert ids(tracker.update(frame(B_MOVED, A_MOVED), 1)) == [2, 1]


def test_a_track_counts_its_frames_and_remembers_its_first():
    tracker = SegmentTracker()
    for step in range(4):
        (track,) = tracker.update(frame(A), 50 + step)
    assert (track.id, track.first_seen_ns, track.hits) == (1, 50, 4)


def test_another_label_at_the_same_place_is_another_track():
    tracker = SegmentTracker()
    tracker.update(frame(A, labels=[0]), 0)
    assert ids(tracker.update(frame(A, labels=[1]), 1)) == [2]


def test_too_little_overlap_is_another_track():
    tracker = SegmentTracker()
    tracker.update(frame((0, 0, 10, 10)), 0)
    assert ids(tracker.update(frame((6, 0, 16, 10)), 1)) == [2]  # IoU 40 / 160


def test_the_better_overlap_wins_the_track():
    tracker = SegmentTracker()
    tracker.update(frame((10, 0, 30, 20)), 0)
    halves = frame((0, 0, 18, 20), (18, 0, 30, 20))  # IoU 0.27 + more, 0.6
    assert ids(tracker.update(halves, 1)) == [2, 1]


@pytest.mark.parametrize(("gap", "expected"), [(0, 1), (1, 1), (5, 1), (6, 2)])
def test_a_hidden_segment_is_recognised_for_max_missed_frames(gap, expected):
    tracker = SegmentTracker(max_missed=5)
    tracker.update(frame(A), 0)
    for step in range(gap):
        assert tracker.update(frame(), 10 + step) == ()
    (track,) = tracker.update(frame(A_MOVED), 90)
    assert track.id == expected
    assert track.hits == (2 if expected == 1 else 1)


def test_a_lost_track_is_given_back_only_once():
    tracker = SegmentTracker()
    tracker.update(frame(A), 0)
    tracker.update(frame(), 1)
    assert ids(tracker.update(frame(A_MOVED, (0, 0, 2, 11)), 2)) == [1, 2]
    assert ids(tracker.update(frame(A_MOVED), 3)) == [1]


def test_a_new_image_size_ends_tracks_but_does_not_give_ids_twice():
    tracker = SegmentTracker()
    tracker.update(frame(A, B), 0)
    assert ids(tracker.update(frame(A, hw=(50, 60)), 1)) == [3]
    assert ids(tracker.update(frame(A, B), 2)) == [4, 5]


def test_reset_starts_again_at_one():
    tracker = SegmentTracker()
    tracker.update(frame(A, B), 0)
    tracker.reset()
    assert ids(tracker.update(frame(A), 1)) == [1]


def test_ids_are_never_given_twice_in_a_long_flickering_stream():
    rng = np.random.default_rng(0)
    tracker, first_seen = SegmentTracker(max_missed=2), {}
    for step in range(200):
        lefts = rng.integers(0, 50, rng.integers(0, 4))
        boxes = [(int(x), 10 * i, int(x) + 8, 10 * i + 8) for i, x in enumerate(lefts)]
        tracks = tracker.update(frame(*boxes), step)
        assert len(set(ids(tracks))) == len(tracks)
        for track in tracks:
            assert first_seen.setdefault(track.id, track.first_seen_ns) == track.first_seen_ns
    assert len(first_seen) > 20


def test_mask_iou_equals_counting_pixels():
    rng = np.random.default_rng(2)
    maps = rng.integers(-1, 4, (2, 30, 30)).astype(np.int32)
    first, second = (Segmentation(m, np.zeros(4, np.int64), np.zeros(4, np.float32)) for m in maps)
    masks = [(m == np.arange(4)[:, None, None]) for m in maps]
    expected = [[(a & b).sum() / (a | b).sum() for b in masks[1]] for a in masks[0]]
    np.testing.assert_allclose(mask_iou(first, second), expected)


def test_box_iou_of_equal_shifted_and_distant_boxes():
    first = np.array([[0, 0, 10, 10]])
    second = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [0, 0, 0, 0]])
    np.testing.assert_allclose(box_iou(first, second), [[1, 1 / 3, 0, 0]])


def test_best_pairs_uses_each_row_and_column_once():
    table = np.array([[0.9, 0.8], [0.85, 0.2]])
    assert list(best_pairs(table, 0.3)) == [(0, 0)]
    assert list(best_pairs(table, 0.1)) == [(0, 0), (1, 1)]
    assert list(best_pairs(np.zeros((0, 3)), 0.3)) == []


@pytest.mark.parametrize("arguments", [{"min_iou": 0}, {"min_iou": 1.5}, {"max_missed": -1}])
def test_senseless_settings_are_refused(arguments):
    with pytest.raises(ValueError, match="min_iou must lie in"):
        SegmentTracker(**arguments)
