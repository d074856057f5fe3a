# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One table in a terminal, in Markdown and in HTML."""

from psg_ros import tables
from psg_ros.tables import Column

COLUMNS = (Column("what", 6, left=True), Column("ms", 5))


def test_lines_printed_as_they_come_have_the_widths_of_their_columns():
    assert tables.terminal_line(COLUMNS, ["merge", 1.5]) == "merge     1.5"
    assert tables.terminal_head(COLUMNS).splitlines()[0] == "what       ms"


def test_a_whole_table_is_as_wide_as_its_cells():
    drawn = tables.terminal(tables.named("what", "ms"), [["merge masks", 1.5], ["x", 12345]])
    assert drawn.splitlines() == [
        "what            ms",
        "--------------------",
        "merge masks    1.5",
        "x            12345",
    ]


def test_a_table_without_rows_has_its_headings():
    assert tables.terminal(tables.named("what", "ms"), []).splitlines()[0] == "what  ms"


def test_markdown_has_headings_alignment_and_escaped_cells():
    assert tables.markdown(COLUMNS, [["on|off", 1.5]]).splitlines() == [
        "| what | ms |",
        "| --- | ---: |",
        r"| on\|off | 1.5 |",
    ]


def test_html_is_escaped_and_marks_numbers():
    assert tables.html(tables.named("a<b", "n", text=1), [["<x>", 3]]) == (
        '<table><thead><tr><th>a&lt;b</th><th class="n">n</th></tr></thead>'
        '<tbody><tr><td>&lt;x&gt;</td><td class="n">3</td></tr></tbody></table>'
    )


def test_the_first_columns_hold_text():
    assert [c.left for c in tables.named("from", "to", "times", text=2)] == [True, True, False]
