# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Joint pixel counts and the matching built on them."""

import numpy as np
import pytest

from psg_ros.evaluation.metrics.overlap import match_segments, measure_overlap
from psg_ros.scene_graph import Segmentation


def segmentation(rows, labels):
    return Segmentation(
        np.array(rows, np.int32), np.array(labels, np.int64), np.ones(len(labels), np.float32)
    )


TRUTH = segmentation([[0, 0, 0, 1, 1, -1]], [4, 5])
PREDICTED = segmentation([[0, 0, 1, 1, 1, 1]], [4, 5])


def test_pixels_are_counted_by_pair_and_void_apart():
    overlap = measure_overlap(TRUTH, PREDICTED)
    assert overlap.shared_px.tolist() == [[2, 1], [0, 2]]
    assert overlap.truth_px.tolist() == [3, 2]
    assert overlap.predicted_px.tolist() == [2, 4]
    assert overlap.predicted_on_void_px.tolist() == [0, 1]


def test_void_counts_in_the_union_unless_it_is_to_be_ignored():
    overlap = measure_overlap(TRUTH, PREDICTED)
    np.testing.assert_allclose(overlap.iou(ignore_void=False), [[2 / 3, 1 / 6], [0, 2 / 4]])
    np.testing.assert_allclose(overlap.iou(ignore_void=True), [[2 / 3, 1 / 5], [0, 2 / 3]])


def test_an_iou_of_exactly_one_half_does_not_match():
    assert match_segments(TRUTH, PREDICTED, measure_overlap(TRUTH, PREDICTED)).tolist() == [0, -1]


def test_another_label_does_not_match():
    other = segmentation(TRUTH.label_map, [5, 5])
    assert match_segments(TRUTH, other, measure_overlap(TRUTH, other)).tolist() == [-1, 1]


def test_segments_without_pixels_and_images_without_segments_match_nothing():
    ghost = segmentation([[-1] * 6], [4])
    empty = segmentation([[-1] * 6], [])
    assert match_segments(ghost, ghost, measure_overlap(ghost, ghost)).tolist() == [-1]
    assert match_segments(TRUTH, empty, measure_overlap(TRUTH, empty)).shape == (0,)
    assert measure_overlap(empty, TRUTH).shared_px.shape == (0, 2)


def test_maps_of_different_size_are_refused():
    with pytest.raises(ValueError, match="original image size"):
        measure_overlap(TRUTH, segmentation([[0, 1]], [4, 5]))
