# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The box bound on cases small enough to count by hand."""

import numpy as np
import pytest

from psg_ros.evaluation.boxes import reachable_by_boxes
from psg_ros.scene_graph import Segmentation


def segmentation(rows, labels):
    return Segmentation(
        np.array(rows, np.int32), np.array(labels, np.int64), np.ones(len(labels), np.float32)
    )


def test_a_box_iou_of_one_half_is_enough_where_a_mask_is_not():
    truth = segmentation([[0, 0, 0, 0, 1, 1]], [3, 4])
    half = segmentation([[0, 0, -1, -1, 1, 1]], [3, 4])
    triplets = np.array([[0, 1, 0]])
    assert reachable_by_boxes(triplets, truth, half).tolist() == [True]
    less = segmentation([[0, -1, -1, -1, 1, 1]], [3, 4])
    assert reachable_by_boxes(triplets, truth, less).tolist() == [False]


def test_a_sparse_mask_counts_by_its_box_and_only_with_its_label():
    truth = segmentation([[0, 0, 0, 0, 1, 1]], [3, 4])
    sparse = [[0, -1, -1, 0, 1, 1]]
    triplets = np.array([[0, 1, 0]])
    assert reachable_by_boxes(triplets, truth, segmentation(sparse, [3, 4])).tolist() == [True]
    assert reachable_by_boxes(triplets, truth, segmentation(sparse, [4, 4])).tolist() == [False]


def test_nothing_predicted_reaches_nothing():
    truth = segmentation([[0, 1]], [3, 4])
    empty = segmentation([[-1, -1]], [])
    assert reachable_by_boxes(np.array([[0, 1, 0]]), truth, empty).tolist() == [False]
    assert reachable_by_boxes(np.zeros((0, 3), np.int64), truth, truth).shape == (0,)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_segment_without_pixels_has_no_box_to_match(lost):
    rows = [[1 - lost, 1 - lost]]
    both = segmentation(rows, [3, 3])
    assert reachable_by_boxes(np.array([[lost, lost, 0]]), both, segmentation([[-1, -1]], [3])) == [
        False
    ]
