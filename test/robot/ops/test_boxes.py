# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much two boxes share, on cases small enough to count by hand."""

import numpy as np

from psg_ros.robot.ops.boxes import box_iou


def test_intersection_over_union_of_equal_shifted_distant_and_empty_boxes():
    first = np.array([[0, 0, 2, 2], [5, 5, 5, 5]], np.int32)
    second = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 4, 4], [0, 0, 0, 0]], np.int32)
    np.testing.assert_allclose(box_iou(first, second), [[1, 1 / 3, 0, 0], [0, 0, 0, 0]])
    assert box_iou(first, np.zeros((0, 4), np.int32)).shape == (2, 0)


def test_boxes_of_the_largest_images_do_not_overflow():
    huge = np.array([[0, 0, 200_000, 200_000]], np.int32)
    assert box_iou(huge, huge) == 1
