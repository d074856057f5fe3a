# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Open-set figures as a table: a row for each view and way to count, a column for each depth."""

from __future__ import annotations

from psg_ros import tables
from psg_ros.evaluation.metrics.open_set import PROTOCOLS, OpenSet
from psg_ros.evaluation.report.open_set import open_set_content, open_set_table, open_set_title
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary

VOCABULARY = Vocabulary(
    tuple(ObjectLabel(name, True, (0, 0, 0)) for name in ("person", "cup", "bed", "tv")),
    tuple(map(Predicate, ("on", "beside", "holding", "over"))),
)


def test_every_view_has_a_row_for_each_way_to_count() -> None:
    figures = OpenSet(VOCABULARY, "ovdr", (20, 50, -1))
    columns, rows = open_set_table(figures)
    assert [c.heading for c in columns] == ["view", "%", "images", "@20", "@50", "@pairs"]
    assert len(rows) == 3 * len(PROTOCOLS["ovdr"])
    assert [row[:3] for row in rows[:3]] == [
        ["all", "R", "0"], ["all", "mR", "0"], ["all", "mR (absent 0)", "0"]
    ]  # fmt: skip
    assert {cell for row in rows for cell in row[3:]} == {"\u2013"}, "nothing was annotated"
    assert "novel object, both ends" in tables.terminal(columns, rows)
    assert open_set_title(figures) == "Open set, protocol ovdr"


def test_a_report_names_the_protocol_and_the_novel_names() -> None:
    content = open_set_content(OpenSet(VOCABULARY, "ovr", (50,)))
    assert content["protocol"] == "ovr" and len(content["novel"]["predicates"]) == 1
    assert content["scores"]["all"] == {"R@50": None, "mR@50": None, "mR@50 (absent 0)": None}
    assert content["images"] == dict.fromkeys(PROTOCOLS["ovr"], 0)
