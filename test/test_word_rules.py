# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which words are taken, and which are refused and why."""

from __future__ import annotations

import pytest

from psg_ros.word_rules import check_words, read_words


@pytest.mark.parametrize(
    "words, complaint",
    [
        ([], "no classes are given"),
        (["cup", ""], "'' is empty"),
        (["cup", " \t"], "is empty"),
        (["cup", "cup"], "'cup' and 'cup' are the same word"),
        (["Cup ", "cup"], "are the same word"),
        (["table-merged", "table"], "'table-merged' and 'table' are the same word"),
        (["charging dock", "charging_dock"], "are the same word"),
        ([f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(10000)], "10000 classes"),
        (["x" * 61], "has 61 letters; at most 60 are allowed"),
        (["x" * 100000], "has 100000 letters"),
        (["椅子"], "letters that are not Latin (椅)"),
        (["стул"], "letters that are not Latin"),
        (["chаir"], "letters that are not Latin"),  # its a is Cyrillic
        (["cup\nmug"], "holds control characters"),
        (["cup\x00"], "holds control characters"),
        (["\u202ecup"], "holds control characters"),
        (["42"], "has no letters"),
        (["!?"], "has no letters"),
        (["-other"], "is empty"),
        ([True], 'must be text (YAML: quote "on")'),
    ],
)
def test_what_is_no_list_of_words_is_refused(words, complaint):
    with pytest.raises(ValueError) as refused:
        check_words(words, "classes", most=256)
    assert complaint in str(refused.value)
    assert len(str(refused.value)) < 300, "one line, whatever came"


@pytest.mark.parametrize("word", ["cup", "café", "Öltank", "in front of", "USB-C hub", "A4 paper"])
def test_words_in_latin_letters_are_taken(word):
    check_words([word, "other thing"], "classes", most=2)


def test_words_come_one_by_one_or_in_a_file(tmp_path):
    text, listed = tmp_path / "words.txt", tmp_path / "words.yaml"
    text.write_text("\ufeff# of the warehouse\npallet\n\n  forklift \n")
    listed.write_text("[pallet, forklift]\n")
    expected = ["pallet", "forklift"]
    assert read_words(expected) == read_words([str(text)]) == read_words([str(listed)]) == expected


@pytest.mark.parametrize(
    "name, content, complaint",
    [
        ("a.yaml", b"{a: 1}", "must hold a list of words, not dict"),
        ("a.yaml", b"[a", "is not YAML"),
        ("a.yaml", 99 * b"[", "is not YAML: it is nested deeper than 50"),
        ("a.txt", b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_a_file_without_words_is_refused(tmp_path, name, content, complaint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        read_words([str(tmp_path / name)])


@pytest.mark.parametrize(
    "given", [["lists/words"], ["words.csv/"], ["a.txt", "b.txt"], ["cup", "a.yaml"]]
)
def test_a_path_is_never_taken_for_a_word(given):
    with pytest.raises(ValueError, match="is a path; give words, or one file alone"):
        read_words(given)
