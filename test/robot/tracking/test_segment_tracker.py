# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which segment keeps which id, by where it was in the images before."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tracked_stream import NUM_THINGS, SECOND_NS, Stream, ids, scene, segments

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import TrackState

TENTATIVE, CONFIRMED, COASTING = TrackState
PERIOD_NS = SECOND_NS // 10
A, B = (0, 0, 10, 10), (30, 20, 50, 35)
A_MOVED, B_MOVED = (2, 1, 12, 11), (28, 20, 48, 35)
WALL, FLOOR = NUM_THINGS, NUM_THINGS + 1


def test_moving_segments_keep_their_ids_whatever_their_order():
    stream = Stream()
    assert ids(stream.show(segments(A, B), 0)) == [1, 2]
    assert ids(stream.show(segments(B_MOVED, A_MOVED), 1)) == [2, 1]


def test_too_little_overlap_is_another_track():
    far = segments((7, 0, 17, 10))  # IoU 30 / 170
    assert [ids(f.tracks) for f in Stream().film([segments(A), far])] == [[1], [2]]


def test_the_least_overlap_is_a_setting():
    moved = segments((6, 0, 16, 10))  # IoU 40 / 160
    for min_iou, expected in ((0.24, 1), (0.26, 2)):
        film = Stream(track_min_iou=min_iou).film([segments(A), moved])
        assert ids(film[-1].tracks) == [expected]


def test_the_better_overlap_wins_the_track():
    halves = segments((0, 0, 18, 20), (18, 0, 30, 20))  # IoU 0.27, 0.6
    film = Stream().film([segments((10, 0, 30, 20)), halves])
    assert ids(film[-1].tracks) == [2, 1]


# Time


@pytest.mark.parametrize("rate_hz", [2.0, 10.0, 30.0])
def test_a_track_is_confirmed_by_seconds_not_images(rate_hz):
    film = Stream(track_confirm_s=1.0).film([segments(A)] * 40, rate_hz)
    states = [seen.tracks[0].state for seen in film]
    images = int(rate_hz) if rate_hz != 30 else 31  # a period of 30 Hz is no whole nanosecond
    assert states == [TENTATIVE] * images + [CONFIRMED] * (40 - images)
    assert {seen.tracks[0].first_seen_ns for seen in film} == {0}


def test_without_waiting_the_first_image_confirms():
    (track,) = Stream(track_confirm_s=0.0).show(segments(A), 0)
    assert track.state == CONFIRMED


def test_time_in_which_a_node_was_missing_counts_against_it():
    shown = [segments(A), segments()] * 20
    film = Stream(track_confirm_s=0.3).film(shown)
    assert {track.state for seen in film for track in seen.tracks} == {TENTATIVE}
    assert all(ids(seen.tracks) == [1] for seen in film[::2])


@pytest.mark.parametrize("rate_hz", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("coast_s", [2.0, 6.0])
def test_a_hidden_node_keeps_its_id_for_seconds_whatever_the_rate(rate_hz, coast_s):
    settings = {"track_coast_s": coast_s, "track_confirm_s": 0.5, "track_gap_s": 0.0}
    before, hidden = [segments(A)] * 30, [segments()] * int(coast_s * rate_hz)
    for missing, expected in ((hidden[1:], 1), ([*hidden, segments()], 2)):
        film = Stream(**settings).film([*before, *missing, segments(A_MOVED)], rate_hz)
        assert ids(film[-1].tracks) == [expected]


def test_a_confirmed_track_coasts_and_a_tentative_one_is_only_remembered():
    stream = Stream(track_confirm_s=0.2, track_coast_s=0.5)
    film = stream.film([*[segments(A)] * 3, segments(A, B), *[segments(A)] * 2, segments()])
    assert [ids(seen.coasting) for seen in film] == [[]] * 6 + [[1]]
    (coasting,) = film[-1].coasting
    assert (coasting.state, coasting.first_seen_ns) == (COASTING, 0)
    again = stream.follow(segments(A, B), 7 * PERIOD_NS)
    assert [(t.id, t.state) for t in again.tracks] == [(1, CONFIRMED), (2, TENTATIVE)]


def test_coasting_ends():
    shown = [*[segments(A)] * 8, *[segments()] * 10]
    film = Stream(track_coast_s=0.45).film(shown)
    assert [len(seen.coasting) for seen in film] == [0] * 8 + [1] * 4 + [0] * 6


# Occlusion and motion


OUT = (14, 0, 24, 10)  # 1.4 sizes from A


@pytest.mark.parametrize(
    ("hidden", "out", "label", "expected"),
    [
        (5, OUT, 0, 1),
        (5, (12, 0, 30, 18), 0, 1),
        (3, OUT, 0, 2),
        (0, OUT, 0, 2),
        (5, OUT, 1, 2),
        (5, (40, 0, 50, 10), 0, 2),
        (5, (14, 0, 19, 6), 0, 2),
    ],
    ids=["near", "larger", "too soon", "never hidden", "another class", "far", "smaller"],
)
def test_what_comes_out_of_hiding_nearby_keeps_its_id(hidden, out, label, expected):
    shown = [*[segments(A)] * 8, *[segments()] * hidden, segments(out, labels=[label])]
    assert ids(Stream().film(shown)[-1].tracks) == [expected]


def test_a_confirmed_track_goes_on_before_one_that_has_just_begun():
    """A second segment of the same thing overlaps the next whole one more than the first does."""
    two = segments((0, 0, 10, 6), (0, 6, 10, 20))
    film = Stream().film([*[segments((0, 0, 10, 6))] * 8, two, segments((0, 0, 10, 20))])
    assert [ids(seen.tracks) for seen in film[-2:]] == [[1, 2], [1]]


def test_what_something_passes_in_front_of_comes_back_with_its_id():
    cups, stream, found = [(20, 10, 30, 20), (40, 10, 50, 20)], Stream(), []
    for place, left in enumerate(range(-24, 60, 4)):  # a hand hides one after the other
        hand = (max(left, 0), 5, max(left + 24, 1), 40)
        boxes = [cup for cup in cups if not (hand[0] <= cup[0] and cup[2] <= hand[2])]
        shown = segments(*boxes, hand, labels=[1] * len(boxes) + [2])
        shown.label_map[shown.label_map == len(boxes)] = len(boxes)
        found.append(ids(stream.follow(shown, place * PERIOD_NS).tracks))
    assert found[0] == found[-1] == [1, 2, 3]
    assert {tuple(one) for one in found} == {(1, 2, 3), (1, 3), (2, 3)}


def test_what_moves_on_while_hidden_is_found_where_it_comes_out():
    room, ball = scene(1, (240, 320)), scene(2, (40, 40))
    stream, found = Stream(), []
    for place in range(20):
        left, image = 10 + 12 * place, room.copy()
        hidden = 9 <= place < 13  # farther than it is wide
        if not hidden:
            image[100:140, left : left + 40] = ball
        shown = segments(*([] if hidden else [(left, 100, left + 40, 140)]), hw=(240, 320))
        followed = stream.follow(shown, place * PERIOD_NS, image=image)
        found.append((ids(followed.tracks), ids(followed.coasting)))
    assert found == [([1], [])] * 9 + [([], [1])] * 4 + [([1], [])] * 7


def textured(seed=1, hw=(240, 960)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 255, (hw[0] // 8, hw[1] // 8, 3), np.uint8)
    return cv2.resize(blocks, hw[::-1], interpolation=cv2.INTER_CUBIC)


def panned(stream: Stream, lefts, boxes, hide=()):
    """Return ids while a camera of 320 x 240 px pans over a wide scene with things in it."""
    world, found = textured(), []
    for place, left in enumerate(lefts):
        view = [(x0 - left, y0, x1 - left, y1) for x0, y0, x1, y1 in boxes]
        shown = segments(*([] if place in hide else view), hw=(240, 320))
        image = np.ascontiguousarray(world[:, left : left + 320])
        followed = stream.follow(shown, place * PERIOD_NS, image=image)
        found.append(ids(followed.tracks))
    return found


CUPS = [(200, 100, 216, 120), (230, 100, 246, 120), (260, 100, 276, 120)]


def test_small_things_keep_their_ids_while_the_camera_pans():
    lefts = range(0, 180, 18)  # farther than a cup is wide, to where another cup was
    assert panned(Stream(), lefts, CUPS) == [[1, 2, 3]] * 10


def test_hidden_things_are_where_the_pan_left_them():
    found = panned(Stream(), range(0, 180, 18), CUPS, hide=(5, 6, 7))
    assert found[4] == found[8] == found[9] == [1, 2, 3]


# Class


def test_a_flicker_of_the_class_changes_neither_id_nor_label():
    labels = [0, 0, 0, 1, 0, 0, 1, 1, 0]
    film = Stream().film([segments(A, labels=[label]) for label in labels])
    assert all(ids(seen.tracks) == [1] for seen in film)
    assert [seen.segmentation.labels.tolist() for seen in film] == [[0]] * len(labels)
    assert film[2].segmentation.scores[0] == 1 and 0.5 < film[3].segmentation.scores[0] < 1


def test_a_lasting_change_of_the_class_comes_through():
    film = Stream(track_class_s=0.5).film([segments(A, labels=[k]) for k in [0] * 5 + [1] * 9])
    assert ids(film[-1].tracks) == [1] and film[-1].segmentation.labels.tolist() == [1]


def test_between_two_candidates_the_class_decides():
    film = Stream().film(
        [
            segments((0, 0, 20, 20), labels=[1]),
            segments((0, 0, 20, 10), (0, 10, 20, 20), labels=[2, 1]),
        ]
    )
    assert ids(film[-1].tracks) == [2, 1]


def test_how_much_the_class_counts_is_a_setting():
    for weight, expected in ((0.0, 1), (1.0, 2)):
        shown = [segments(A, labels=[0]), segments(A_MOVED, labels=[1])]
        film = Stream(track_class_weight=weight).film(shown)
        assert ids(film[-1].tracks) == [expected]


def test_a_region_of_stuff_is_its_class_wherever_it_lies():
    left, right = (0, 0, 20, 40), (40, 0, 60, 40)
    shown = [segments(left, right, labels=two) for two in ([WALL, FLOOR], [FLOOR, WALL])]
    film = Stream().film(shown)
    assert [ids(seen.tracks) for seen in film] == [[1, 2], [2, 1]]


def test_stuff_that_flickers_to_a_class_that_is_not_there_keeps_its_id():
    door = FLOOR + 1
    shown = [segments(A, B, labels=[WALL, k]) for k in (FLOOR, FLOOR, FLOOR, door, FLOOR)]
    film = Stream().film(shown)
    assert all(ids(seen.tracks) == [1, 2] for seen in film)
    assert all(seen.segmentation.labels.tolist() == [WALL, FLOOR] for seen in film)


def test_what_flickers_between_a_thing_and_stuff_is_one_node():
    film = Stream().film([segments(A, labels=[k]) for k in (0, 0, WALL, 0, WALL, WALL, WALL, 0)])
    assert all(ids(seen.tracks) == [1] and not seen.coasting for seen in film)
    labels = [int(seen.segmentation.labels[0]) for seen in film]
    assert labels[:5] == [0] * 5 and labels[6] == WALL, "by vote"


def test_stuff_near_a_thing_is_another_node():
    beside = (4, 0, 14, 10)  # IoU 60 / 140
    film = Stream().film([segments(A, labels=[0]), segments(beside, labels=[WALL])])
    assert ids(film[-1].tracks) == [2]


def test_stuff_continues_its_own_region_before_a_thing_does():
    shown = [segments(A, B, labels=[0, WALL]), segments(A, labels=[WALL])]
    assert ids(Stream().film(shown)[-1].tracks) == [2]


def test_no_two_regions_of_stuff_have_one_label():
    rng = np.random.default_rng(3)
    stream, boxes = Stream(track_class_s=0.3), [(15 * k, 0, 15 * k + 15, 40) for k in range(4)]
    for place in range(200):
        count = rng.integers(1, 5)
        labels = (NUM_THINGS + rng.permutation(5)[:count]).tolist()
        followed = stream.follow(segments(*boxes[:count], labels=labels), place * PERIOD_NS)
        assert len(set(followed.segmentation.labels.tolist())) == count
        assert len(set(ids(followed.tracks))) == count


# Weak segments


def test_a_weak_segment_continues_a_confirmed_track_and_begins_none():
    stream = Stream(track_confirm_s=0.2)
    for place in range(4):
        stream.follow(segments(A), place * PERIOD_NS, strong_score=0.5)
    weak = segments(A_MOVED, B, scores=[0.4, 0.4])
    followed = stream.follow(weak, 4 * PERIOD_NS, strong_score=0.5)
    assert followed.kept.tolist() == [True, False]
    assert [(track.id, track.state) for track in followed.tracks] == [(1, CONFIRMED)]
    assert followed.segmentation.num_segments == 1
    assert 0.4 < followed.segmentation.scores[0] < 1, "the mean over the last seconds"


def test_a_weak_segment_does_not_continue_a_tentative_track():
    stream = Stream(track_confirm_s=5.0)
    stream.follow(segments(A), 0, strong_score=0.5)
    followed = stream.follow(segments(A, scores=[0.4]), PERIOD_NS, strong_score=0.5)
    assert not followed.kept.any() and followed.tracks == ()


def test_strong_segments_choose_first():
    stream = Stream(track_confirm_s=0.0)
    stream.follow(segments((0, 0, 20, 20)), 0, strong_score=0.5)
    shown = segments((0, 0, 20, 19), (4, 19, 20, 40), scores=[0.4, 0.9])
    shown.label_map[5:19, 4:20] = 1
    followed = stream.follow(shown, PERIOD_NS, strong_score=0.5)
    assert followed.kept.tolist() == [False, True] and ids(followed.tracks) == [1]


# Ids


def test_settings_may_change_while_a_track_goes_on():
    stream = Stream(track_confirm_s=9.0)
    frame, shown = Frame(np.zeros((40, 60, 3), np.uint8), stamp_ns=PERIOD_NS), segments(A)
    assert stream.show(shown, 0)[0].state == TENTATIVE
    regions = measure_regions(shown.label_map, 1)
    followed = stream.tracker.update(frame, shown, regions, PipelineConfig(track_confirm_s=0.1))
    assert [(track.id, track.state) for track in followed.tracks] == [(1, CONFIRMED)]


def test_a_frame_without_a_stamp_is_no_part_of_a_stream():
    with pytest.raises(ValueError, match="without a stamp"):
        Stream().show(segments(A), None)


def test_a_hidden_track_is_given_back_only_once():
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
    stream, first_seen = Stream(track_coast_s=0.3), {}
    for step in range(200):
        lefts = rng.integers(0, 50, rng.integers(0, 4))
        boxes = [(int(x), 10 * i, int(x) + 8, 10 * i + 8) for i, x in enumerate(lefts)]
        scores = rng.uniform(0.2, 1, len(boxes)).tolist()
        shown = segments(*boxes, labels=rng.integers(0, 8, len(boxes)).tolist(), scores=scores)
        followed = stream.follow(shown, step * PERIOD_NS, strong_score=0.4)
        both = [*followed.tracks, *followed.coasting]
        assert len(set(ids(both))) == len(both)
        assert len(followed.tracks) == followed.kept.sum() == followed.segmentation.num_segments
        for track in both:
            assert first_seen.setdefault(track.id, track.first_seen_ns) == track.first_seen_ns
    assert len(first_seen) > 20


def test_things_and_stuff_that_flicker_at_random_stay_distinct():
    rng = np.random.default_rng(7)
    stream = Stream(track_class_s=0.3, track_confirm_s=0.1, track_coast_s=1.0)
    for step in range(300):
        count = int(rng.integers(0, 5))
        boxes = [(12 * k, 0, 12 * k + 12 - int(rng.integers(0, 6)), 40) for k in range(count)]
        stuff = (NUM_THINGS + rng.permutation(5))[:count]
        labels = np.where(rng.random(count) < 0.5, rng.integers(0, 2, count), stuff)
        shown = segments(*boxes, labels=labels.tolist(), scores=rng.uniform(0.2, 1, count).tolist())
        followed = stream.follow(shown, step * PERIOD_NS, strong_score=0.3)
        both = ids((*followed.tracks, *followed.coasting))
        assert len(set(both)) == len(both)
        found = followed.segmentation.labels
        regions = found[found >= NUM_THINGS].tolist()
        assert len(set(regions)) == len(regions), "of stuff, one region for each class"
        assert np.all((followed.segmentation.scores >= 0) & (followed.segmentation.scores <= 1))
