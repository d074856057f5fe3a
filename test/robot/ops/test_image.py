# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An image into the network input."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.image import place, resize_nearest, write_content


@pytest.mark.parametrize(
    ("image_hw", "content_hw"),
    [
        ((480, 640), (480, 640)),
        ((1080, 1920), (360, 640)),
        ((1920, 1080), (640, 360)),
        ((427, 640), (427, 640)),
        ((333, 500), (426, 640)),  # 426.24
        ((335, 500), (429, 640)),  # 428.8
        ((1, 5000), (1, 640)),  # 0.128 is still one row
        ((1, 1), (640, 640)),
    ],
)
def test_content_keeps_the_aspect_ratio_and_rounds_to_nearest(image_hw, content_hw):
    assert place(image_hw, (640, 640)).content_hw == content_hw


def test_content_fits_an_input_that_is_not_square():
    assert place((480, 640), (64, 96)).content_hw == (64, 85)
    assert place((100, 900), (64, 96)).content_hw == (11, 96)


@pytest.mark.parametrize(("scaling", "width"), [("area", 503), ("eomt", 502)])
def test_recipes_differ_in_how_they_round_a_half(scaling, width):
    assert place((512, 402), (640, 640), scaling).content_hw == (640, width)


def test_a_long_side_may_be_cut_off_by_the_rule_of_transformers():
    """640 * 300 / 650 * 650 / 300 is a little less than 640 in double precision."""
    sizes = [place((300, 650), (640, 640), name).content_hw[1] for name in ("eomt", "transformers")]
    assert sizes == [640, 639]


def test_an_unknown_recipe_is_refused():
    with pytest.raises(KeyError, match="lanczos"):
        place((480, 640), (640, 640), "lanczos")


def test_shrinking_averages_areas():
    stripes = np.zeros((4, 8, 3), np.uint8)
    stripes[:, ::4] = 200
    content = np.empty((1, 2, 3), np.uint8)
    write_content(stripes, content)
    assert content.tolist() == [[[50] * 3] * 2]


def test_enlarging_is_bilinear():
    pair = np.array([[[0, 0, 0], [100, 200, 40]]], np.uint8)
    content = np.empty((1, 4, 3), np.uint8)
    write_content(pair, content)
    assert content[0, :, 0].tolist() == [0, 25, 75, 100]


def test_writing_touches_only_the_window():
    buffer = np.full((1, 6, 6, 3), 7, np.uint8)
    write_content(np.zeros((8, 12, 3), np.uint8), buffer[0, :4, :6])
    assert not buffer[0, :4].any()
    assert (buffer[0, 4:] == 7).all()


def test_a_mirrored_channel_order_view_is_read_as_it_is():
    bgr = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    from_view, from_copy = np.empty((2, 3, 4, 3), np.uint8)
    write_content(bgr[:, :, ::-1], from_view)
    write_content(np.ascontiguousarray(bgr[:, :, ::-1]), from_copy)
    np.testing.assert_array_equal(from_view, from_copy)


def test_nearest_takes_the_element_under_each_pixel_centre():
    row = np.array([[0, 1, 2]], np.int32)
    assert resize_nearest(row, (1, 6), (1, 3)).tolist() == [[0, 0, 1, 1, 2, 2]]
    assert resize_nearest(row, (1, 1), (1, 3)).tolist() == [[1]]


def test_nearest_leaves_out_what_lies_beyond_the_extent():
    row = np.array([[0, 1, 2]], np.int32)
    assert resize_nearest(row, (1, 5), (1, 2.5)).tolist() == [[0, 0, 1, 1, 2]]


def test_enlarging_by_nearest_keeps_every_element():
    row = np.arange(17, dtype=np.int32)[None]
    for width in range(17, 60):
        assert set(resize_nearest(row, (1, width), (1, 17)).ravel()) == set(range(17))
