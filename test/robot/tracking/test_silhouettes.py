# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small masks that move."""

from __future__ import annotations

import numpy as np
import pytest
from tracked_stream import segments

from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.tracking.camera_motion import Motion
from psg_ros.robot.tracking.silhouettes import Silhouette, measure_coverage, shrink_map
from psg_ros.scene_graph import Segmentation

NO_POINTS = np.zeros((0, 2), np.float32)
STANDSTILL = Motion(np.eye(2, 3), NO_POINTS, NO_POINTS)


def shift(x: float, y: float, corners=NO_POINTS, found=NO_POINTS) -> Motion:
    return Motion(np.array([[1.0, 0, x], [0, 1.0, y]]), corners, found)


def silhouettes_of(segmentation: Segmentation, step: int = 1) -> list[Silhouette]:
    small = shrink_map(segmentation, step)
    boxes = measure_regions(segmentation.label_map, segmentation.num_segments).bbox_xyxy
    return [small.silhouette(segment, box) for segment, box in enumerate(boxes)]


def iou_after(motion: Motion, before, after) -> np.ndarray:
    moved = [one.moved(motion, np.zeros(2)) for one in silhouettes_of(before)]
    return measure_coverage(moved, shrink_map(after, 1)).iou()


def test_at_full_size_the_overlap_equals_counting_pixels():
    rng = np.random.default_rng(2)
    maps = rng.integers(-1, 4, (2, 30, 30)).astype(np.int32)
    first, second = (Segmentation(m, np.zeros(4, np.int64), np.zeros(4, np.float32)) for m in maps)
    masks = [(m == np.arange(4)[:, None, None]) for m in maps]
    expected = [[(a & b).sum() / (a | b).sum() for b in masks[1]] for a in masks[0]]
    found = measure_coverage(silhouettes_of(first), shrink_map(second, 1)).iou()
    np.testing.assert_allclose(found, expected)


def test_how_much_of_a_segment_is_covered():
    whole, part = segments((0, 0, 20, 10)), segments((15, 0, 25, 10))
    coverage = measure_coverage(silhouettes_of(whole), shrink_map(part, 1))
    assert coverage.covered()[0, 0] == 0.5


def test_a_mask_moves_with_the_camera():
    before, after = segments((5, 5, 15, 12)), segments((25, 17, 35, 24))
    assert iou_after(STANDSTILL, before, after)[0, 0] == 0
    assert iou_after(shift(20, 12), before, after)[0, 0] == 1


def test_the_corners_on_a_mask_tell_its_own_motion():
    corners = np.array([[7, 7], [10, 8], [13, 10], [50, 30], [52, 30]], np.float32)
    found = corners + (3, 0)
    found[:3] += (20, 12)
    (one,) = silhouettes_of(segments((5, 5, 15, 12)))
    motion = shift(3, 0, corners, found)
    own = one.own_shift(motion)
    np.testing.assert_allclose(own, (20, 12))
    np.testing.assert_allclose(one.moved(motion, own).center_xy, (10 + 23, 8.5 + 12))


def test_two_corners_say_nothing_of_a_mask():
    corners = np.array([[7, 7], [10, 8]], np.float32)
    (one,) = silhouettes_of(segments((5, 5, 15, 12)))
    assert one.own_shift(shift(0, 0, corners, corners + 20)) is None


def test_corners_that_go_all_ways_say_nothing_of_a_mask():
    corners = np.array([[7, 7], [10, 8], [13, 10], [8, 10]], np.float32)
    found = corners + np.array([[9, 0], [-9, 0], [0, 9], [0, -9]], np.float32)
    (one,) = silhouettes_of(segments((5, 5, 15, 12)))
    assert one.own_shift(shift(0, 0, corners, found)) is None


def test_a_mask_grows_with_the_zoom():
    (one,) = silhouettes_of(segments((20, 10, 40, 30)))
    zoom = Motion(np.array([[1.1, 0, -3.0], [0, 1.1, -2.0]]), NO_POINTS, NO_POINTS)
    grown = one.moved(zoom, np.zeros(2))
    assert grown.mask.shape == (22, 22)
    np.testing.assert_allclose(grown.center_xy, (30, 20))
    for _ in range(60):
        grown = grown.moved(Motion(np.eye(2, 3) * 0.9, NO_POINTS, NO_POINTS), np.zeros(2))
    assert min(grown.mask.shape) >= 1


@pytest.mark.parametrize("where", [(-200, 0), (0, 300), (55, 0), (-15, -8)])
def test_what_lies_outside_the_image_does_not_count(where):
    shown = segments((5, 5, 15, 12))
    (iou,) = iou_after(shift(*where), shown, shown).ravel()
    assert 0 <= iou <= 1


def test_half_a_mask_beyond_the_border_is_compared_by_its_other_half():
    assert iou_after(shift(-10, 0), segments((5, 5, 15, 12)), segments((0, 5, 5, 12)))[0, 0] == 1


@pytest.mark.parametrize("step", [2, 3, 7, 50])
def test_the_smallest_segment_keeps_a_pixel(step):
    shown = segments((1, 1, 2, 2), (58, 38, 60, 40), (0, 20, 60, 21))
    for silhouette in silhouettes_of(shown, step):
        assert silhouette.mask.any()


def test_a_segment_without_a_pixel_in_small_overlaps_nothing():
    shown = segments((1, 1, 2, 2), (10, 10, 30, 30))
    small = shrink_map(shown, 4)
    table = measure_coverage(silhouettes_of(shown, 4), small).iou()
    assert table.shape == (2, 2) and table[:, 0].max() == 0 and table[1, 1] == 1


def test_no_track_and_no_segment_are_an_empty_table():
    shown = segments((1, 1, 9, 9))
    assert measure_coverage([], shrink_map(shown, 1)).iou().shape == (0, 1)
    assert measure_coverage(silhouettes_of(shown), shrink_map(segments(), 1)).iou().shape == (1, 0)
