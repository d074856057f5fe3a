# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Strings of others in our log."""

import pytest

from psg_ros.quoting import LONGEST, counted, listed, plain, quoted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 pictures"), (1, "1 picture"), (2, "2 pictures")]
)
def test_one_thing_is_singular(number, words):
    assert counted(number, "picture") == words


ESCAPES = ["a\nb", "\x1b[31mred", "\x9b2J", "tab\t", "\u202eleft", "\u2028", "\x00", "\ud800"]
HARMFUL = ["", "a b", *ESCAPES]


@pytest.mark.parametrize("text", HARMFUL)
def test_what_could_do_harm_is_escaped_and_quoted(text):
    for shown in (quoted(text), plain(text)):
        assert shown == repr(text) and shown.isprintable()


def test_the_longest_is_shown_whole_and_one_more_is_cut_with_its_length():
    assert quoted("x" * LONGEST) == repr("x" * LONGEST)
    assert quoted("x" * (LONGEST + 1)) == f"{'x' * LONGEST!r}... ({LONGEST + 1} characters)"
    assert len(quoted("\x1b" * 10_000_000)) < 5 * LONGEST


@pytest.mark.parametrize("name", ["camera", "/robot1/camera/image_raw", "Kamera-ä"])
def test_a_name_stays_as_it_is(name):
    assert plain(name) == name


def test_names_are_listed_without_the_marks_of_a_program():
    assert listed(["demo", "photo"]) == "demo, photo"
    assert listed(["two words"]) == "'two words'"
    assert listed([]) == "none"
