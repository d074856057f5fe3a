# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cells in a terminal and in Markdown."""

import pytest

from psg_ros.benchmark.tables import Column, bar, markdown_table, terminal_head, terminal_line

COLUMNS = (Column("what", 6, left=True), Column("ms", 5))


def test_numbers_stand_right_and_words_left():
    assert terminal_line(COLUMNS, ["merge", "1.5"]) == "merge     1.5"
    assert terminal_head(COLUMNS).splitlines()[0] == "what       ms"


def test_markdown_has_headings_alignment_and_rows():
    assert markdown_table(COLUMNS, [["merge", "1.5"]]).splitlines() == [
        "| what | ms |",
        "| --- | ---: |",
        "| merge | 1.5 |",
    ]


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, ""), (0.5, "██"), (1, "████"), (0.28, "█▏"), (1.7, "████"), (-1, "")]
)
def test_bar_is_as_long_as_its_share(share, drawn):
    assert bar(share, width=4) == drawn
