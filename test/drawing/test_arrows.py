# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arrows run from box to box and never through them."""

import numpy as np
import pytest

from psg_ros.drawing.arrows import (
    arrow_path,
    arrow_shape,
    inside_box,
    paint_arrow,
    text_centers,
)

LEFT, RIGHT = np.array([0, 40, 20, 60]), np.array([180, 40, 200, 60])
CANVAS = (200, 100)


@pytest.mark.parametrize("bend", [0.0, 0.14, -0.3])
def test_a_path_goes_from_the_first_box_to_the_second_and_touches_none(bend):
    path = arrow_path(LEFT, RIGHT, CANVAS, bend=bend)
    assert not inside_box(path, LEFT, 2.0).any() and not inside_box(path, RIGHT, 2.0).any()
    assert path[0, 0] < 40 and path[-1, 0] > 160


def test_there_and_back_bend_to_different_sides():
    there, back = arrow_path(LEFT, RIGHT, CANVAS), arrow_path(RIGHT, LEFT, CANVAS)
    assert (there[:, 1].mean() - 50) * (back[:, 1].mean() - 50) < 0


def test_without_bend_the_path_is_straight():
    assert np.allclose(arrow_path(LEFT, RIGHT, CANVAS, bend=0)[:, 1], 50)


@pytest.mark.parametrize("bend", [0.4, -0.4])
@pytest.mark.parametrize("top", [0, 10, 80])
def test_a_curve_that_would_leave_the_canvas_bends_less(top, bend):
    start, end = np.array([0, top, 20, top + 20]), np.array([180, top, 200, top + 20])
    path = arrow_path(start, end, CANVAS, bend=bend)
    assert len(path) > 2 and (path >= 2).all() and (path <= np.array(CANVAS) - 3).all()
    tall = arrow_path(start, end, (200, 1000), bend=-abs(bend))
    assert tall[:, 1].max() > 75 + top  # where there is room it is not limited


def test_the_same_box_twice_gives_no_path():
    assert len(arrow_path(LEFT, LEFT, CANVAS, bend=0)) < 2


def test_the_head_points_forward_and_ends_the_path():
    path = arrow_path(LEFT, RIGHT, CANVAS, bend=0)
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
    paint_arrow(canvas, arrow_path(LEFT, RIGHT, CANVAS), (255, 255, 255), 3.0, casing=(0, 0, 0))
    assert (canvas == 255).all(axis=-1).any() and (canvas == 0).all(axis=-1).any()


def test_text_lies_on_a_long_arrow_and_beside_a_short_one():
    def covers(path, size):
        gap = np.abs(text_centers(path, size)[0] - path[len(path) // 2])
        return bool((gap < np.array(size) / 2).all())

    assert covers(arrow_path(LEFT, RIGHT, CANVAS, bend=0), (60, 16))
    assert not covers(arrow_path(LEFT, RIGHT, CANVAS, bend=0), (150, 16))
