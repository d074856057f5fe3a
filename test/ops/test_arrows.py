# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arrows run from box to box and never through them."""

import numpy as np
import pytest

from psg_ros.ops.arrows import arrow_path, arrow_shape, inside_box, paint_arrow, text_centers

LEFT, RIGHT = np.array([0, 40, 20, 60]), np.array([180, 40, 200, 60])


@pytest.mark.parametrize("bend", [0.0, 0.14, -0.3])
def test_a_path_goes_from_the_first_box_to_the_second_and_touches_none(bend):
    path = arrow_path(LEFT, RIGHT, bend=bend)
    assert not inside_box(path, LEFT, 2.0).any() and not inside_box(path, RIGHT, 2.0).any()
    assert path[0, 0] < 40 and path[-1, 0] > 160


def test_there_and_back_bend_to_different_sides():
    there, back = arrow_path(LEFT, RIGHT), arrow_path(RIGHT, LEFT)
    assert (there[:, 1].mean() - 50) * (back[:, 1].mean() - 50) < 0


def test_without_bend_the_path_is_straight():
    assert np.allclose(arrow_path(LEFT, RIGHT, bend=0)[:, 1], 50)


def test_the_same_box_twice_gives_no_path():
    assert len(arrow_path(LEFT, LEFT, bend=0)) < 2


def test_the_head_points_forward_and_ends_the_path():
    path = arrow_path(LEFT, RIGHT, bend=0)
    shaft, head = arrow_shape(path, 10.0)
    assert head[0].tolist() == path[-1].tolist()
    assert np.allclose(head[1:, 0], path[-1, 0] - 10)
    assert shaft[-1, 0] < head[0, 0]


def test_an_arrow_shorter_than_its_head_shrinks_it():
    _, head = arrow_shape(np.array([[0.0, 0.0], [4.0, 0.0]]), 50.0)
    assert (head[:, 0] >= 0).all()


def test_painting_leaves_colour_and_casing_and_nothing_for_no_path():
    canvas = np.full((100, 200, 3), 128, np.uint8)
    paint_arrow(canvas, np.zeros((1, 2)), (255, 255, 255), 3.0)
    assert (canvas == 128).all()
    paint_arrow(canvas, arrow_path(LEFT, RIGHT), (255, 255, 255), 3.0, casing=(0, 0, 0))
    assert (canvas == 255).all(axis=-1).any() and (canvas == 0).all(axis=-1).any()


def test_text_lies_on_a_long_arrow_and_beside_a_short_one():
    def covers(path, size):
        gap = np.abs(text_centers(path, size)[0] - path[len(path) // 2])
        return bool((gap < np.array(size) / 2).all())

    assert covers(arrow_path(LEFT, RIGHT, bend=0), (60, 16))
    assert not covers(arrow_path(LEFT, RIGHT, bend=0), (150, 16))
