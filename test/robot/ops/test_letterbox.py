# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the letterbox puts an image, and the way back for boxes."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.letterbox import Letterbox


@pytest.mark.parametrize(
    ("image_hw", "content_hw", "corner_xy"),
    [
        ((480, 640), (480, 640), (0, 80)),
        ((1080, 1920), (360, 640), (0, 140)),
        ((427, 640), (427, 640), (0, 106)),  # 213 rows of grey, the odd one below
        ((640, 427), (640, 427), (106, 0)),
        ((1, 1), (640, 640), (0, 0)),
        ((1, 5000), (1, 640), (0, 319)),
    ],
)
def test_the_image_lies_in_the_middle(image_hw, content_hw, corner_xy):
    letterbox = Letterbox((640, 640))
    where = letterbox.write(np.zeros((*image_hw, 3), np.uint8))
    assert (where.content_hw, where.corner_xy) == (content_hw, corner_xy)
    (height, width), (left, top) = content_hw, corner_xy
    is_grey = letterbox.array[0] == np.float32(114 / 255)
    assert not is_grey[:, top : top + height, left : left + width].any()
    assert is_grey.sum() == 3 * (640 * 640 - height * width)


def test_pixels_are_planes_of_rgb_in_0_to_1():
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = (255, 51, 0)
    letterbox = Letterbox((64, 64))
    letterbox.write(image)
    assert letterbox.array.dtype == np.float32 and letterbox.array.flags.c_contiguous
    np.testing.assert_allclose(letterbox.array[0].mean(axis=(1, 2)), (1, 0.2, 0), rtol=1e-5)


def test_nothing_of_the_last_image_remains():
    used, fresh = Letterbox((64, 64)), Letterbox((64, 64))
    for hw in ((64, 64), (64, 20), (20, 64)):
        used.write(np.full((*hw, 3), 255, np.uint8))
    fresh.write(np.full((20, 64, 3), 255, np.uint8))
    np.testing.assert_array_equal(used.array, fresh.array)


def test_boxes_come_back_to_the_image_and_end_at_its_border():
    where = Letterbox((640, 640)).write(np.zeros((960, 1280, 3), np.uint8))
    boxes = np.array([[0, 80, 640, 560], [100, 180, 200, 280], [-50, 0, 700, 640]], np.float32)
    expected = [[0, 0, 1280, 960], [200, 200, 400, 400], [0, 0, 1280, 960]]
    np.testing.assert_allclose(where.to_image(boxes), expected)
    assert where.to_image(np.zeros((0, 4), np.float32)).shape == (0, 4)
