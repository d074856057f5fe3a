# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Colours and names as people see them."""

import numpy as np
import pytest

from psg_ros.drawing.palette import (
    ascii_text,
    display_name,
    node_colors,
    numbered_names,
    shade,
    text_color,
)
from psg_ros.labels import ObjectLabel, Vocabulary

VOCABULARY = Vocabulary(
    (ObjectLabel("cat", True, (200, 40, 40)), ObjectLabel("sky", False, (40, 90, 200))), ()
)


def test_the_first_of_a_class_has_its_colour_and_the_next_are_apart():
    colors = node_colors([0, 1, 0, 0], VOCABULARY)
    assert colors.dtype == np.uint8
    assert colors[[0, 1]].tolist() == [[200, 40, 40], [40, 90, 200]]
    apart = np.abs(colors[[0, 0, 2]].astype(int) - colors[[2, 3, 3]]).sum(axis=1)
    assert (apart > 40).all()


def test_many_of_a_class_and_none_at_all_have_colours():
    assert node_colors([0] * 50, VOCABULARY).shape == (50, 3)
    assert node_colors([], VOCABULARY).shape == (0, 3)


def test_shading_goes_to_white_and_to_black():
    assert shade((100, 0, 250), 1.0) == (255, 255, 255)
    assert shade((100, 0, 250), -1.0) == (0, 0, 0)
    assert shade((100, 0, 250), 0.0) == (100, 0, 250)


@pytest.mark.parametrize("dark", [(0, 0, 0), (200, 0, 0), (0, 0, 255), (60, 60, 60)])
def test_dark_grounds_carry_white_text(dark):
    assert text_color(dark) == (255, 255, 255)


@pytest.mark.parametrize("light", [(255, 255, 255), (255, 230, 0), (0, 255, 0), (180, 180, 180)])
def test_light_grounds_carry_dark_text(light):
    assert max(text_color(light)) < 40


def test_suffixes_of_data_sets_are_not_shown():
    names = ["sky-other-merged", "door-stuff", "water-other", "tree-merged", "wall-brick", "person"]
    shown = ["sky", "door", "water", "tree", "wall-brick", "person"]
    assert [display_name(name) for name in names] == shown


def test_shared_names_are_numbered_in_order():
    assert numbered_names(["cat", "sky-other-merged", "cat"]) == ["cat 1", "sky", "cat 2"]


def test_letters_that_the_font_lacks_are_replaced():
    assert ascii_text("café") == "cafe"
    assert ascii_text("猫 1") == "? 1"
