# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chips stay in the canvas, keep apart and can be read."""

import numpy as np
import pytest

from psg_ros.drawing.chips import chip_box, chip_size, paint_chip, place_box

CANVAS_WH = (200, 100)


def test_larger_text_and_longer_text_need_more_room():
    width, height = chip_size("person", 8.0)
    assert chip_size("person", 16.0) > (width, height)
    assert chip_size("person 0.97", 8.0)[0] > width
    assert chip_size("", 8.0)[1] == height


def test_the_first_free_place_is_taken():
    taken = [np.array([90, 40, 110, 60])]
    centers = np.array([(100, 50), (100, 65), (20, 20)])
    assert place_box((20, 10), centers, taken, CANVAS_WH, force=False).tolist() == [90, 60, 110, 70]


def test_a_box_is_moved_into_the_canvas():
    box = place_box((20, 10), np.array([(199.0, -5.0)]), [], CANVAS_WH, force=False)
    assert box.tolist() == [180, 0, 200, 10]


def test_without_a_free_place_force_takes_the_least_overlap():
    taken = [np.array([0, 0, 200, 50])]
    centers = np.array([(100, 20), (100, 48)])
    assert place_box((20, 10), centers, taken, CANVAS_WH, force=False) is None
    assert place_box((20, 10), centers, taken, CANVAS_WH, force=True)[1] == 43


def test_what_is_larger_than_the_canvas_has_no_place():
    assert place_box((201, 10), np.array([(100, 50)]), [], CANVAS_WH, force=True) is None


@pytest.mark.parametrize("background", [(10, 20, 90), (240, 230, 20)])
def test_the_text_stands_out_from_its_ground(background):
    canvas = np.full((100, 200, 3), 128, np.uint8)
    box = chip_box((100, 50), chip_size("dog", 12.0))
    paint_chip(canvas, box, "dog", 12.0, background)
    left, top, right, bottom = box
    inside = canvas[top:bottom, left:right].astype(int)
    assert (inside[(bottom - top) // 2, 1] == background).all()
    contrast = np.abs(inside.mean(axis=-1) - np.mean(background))
    assert (contrast > 80).mean() > 0.03
    canvas[top:bottom, left:right] = 128
    assert (canvas == 128).all()


def test_what_juts_out_of_the_canvas_is_cut_off():
    canvas = np.zeros((12, 12, 3), np.uint8)
    paint_chip(canvas, np.array([4, 4, 60, 24]), "dog", 10.0, (255, 0, 0))
    assert canvas[8:, 6:].any()
