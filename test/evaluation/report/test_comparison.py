# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reports of several segmenters: read, refused where they do not compare, correlated."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psg_ros.evaluation.report.comparison import Entry, check_comparable, correlation, read_entry
from psg_ros.evaluation.report.comparison_page import chart, correlation_text, to_markdown, to_page

GOOD = {
    "model": "small", "task": "SGDet", "protocol": "SingleMPO", "split": "test", "images": "all 5",
    "annotations_sha256": "abc", "merge_resolution": "image", "precision": "fp32",
    "scaling": "area", "scores": {"PQ": 40.0, "mR@inf": 50.0, "mR@50": 20.0, "R@50": 25.0},
}  # fmt: skip


def report(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps({**GOOD, **changes}), encoding="utf-8")
    return path


def entries(*points: tuple[float, float]) -> list[Entry]:
    return [
        Entry(f"r{number}", "m<1>", {"PQ": x, "mR@inf": y}, dict.fromkeys(
            ("merge_resolution", "precision", "scaling"), ""
        ))
        for number, (x, y) in enumerate(points)
    ]  # fmt: skip


def test_a_report_is_read(tmp_path):
    entry = read_entry(report(tmp_path / "first.json"))
    assert (entry.label, entry.model, entry.scores) == ("first", "small", GOOD["scores"])
    assert entry.facts == {"merge_resolution": "image", "precision": "fp32", "scaling": "area"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "it has no scores"),
        ('{"scores": {"PQ": 1, "mR@inf": 2}}', "it names no model"),
        ('{"model": "m", "scores": {"R@20": 1}}', "has no PQ: expected a report of the task SGDet"),
        ('{"model": "m", "scores": {"PQ": 40, "mR@inf": null}}', "has no mR@inf"),
        ('{"model": "m", "scores": {"PQ": "40", "mR@inf": 1}}', "has no PQ"),
    ],
)
def test_what_is_no_report_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "odd.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"odd.json {said}|odd.json is not a report.*{said}"):
        read_entry(path)


def test_bytes_that_are_no_text_are_refused_and_a_missing_file_is_named(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="a.json is not JSON"):
        read_entry(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError, match="absent.json is not a file"):
        read_entry(tmp_path / "absent.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "PredCls"}, {"split": "val"}, {"images": "the first 2 of 5"},
        {"annotations_sha256": "abd"}, {"protocol": "another"},
    ],
    ids=str,
)  # fmt: skip
def test_figures_of_other_images_or_another_protocol_do_not_compare(tmp_path, changes):
    both = [report(tmp_path / "a.json"), report(tmp_path / "b.json", **changes)]
    (name,) = changes
    with pytest.raises(ValueError, match=f"a and b do not compare: {name} is"):
        check_comparable([read_entry(path) for path in both])
    check_comparable([read_entry(both[0]), read_entry(both[0])])


def test_one_report_is_no_comparison(tmp_path):
    with pytest.raises(ValueError, match="needs two reports or more, not 1"):
        check_comparable([read_entry(report(tmp_path / "a.json"))])


def test_the_correlation_is_pearsons():
    points = [(30.0, 41.0), (42.0, 55.0), (50.0, 60.0), (61.0, 78.0)]
    x, y = np.array(points).T
    expected = ((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std())
    assert correlation(entries(*points)) == pytest.approx(expected)
    assert correlation(entries((0, 0), (1, 2), (2, 4))) == pytest.approx(1)


@pytest.mark.parametrize(
    "points", [[(1, 2), (3, 4)], [(1, 2), (1, 2), (3, 4)], [(1, 2), (1, 3), (1, 4)]]
)
def test_too_few_different_points_have_no_correlation(points):
    assert math.isnan(correlation(entries(*points)))
    assert "takes three that differ" in correlation_text(entries(*points))


def test_table_and_page_show_every_report_best_first():
    compared = entries((30, 41), (61, 78), (50, 60))
    lines = to_markdown(compared).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| r1", "| r2", "| r0"]
    assert "| – |" in lines[2] and "not said" in lines[2], "what a report lacks"
    assert lines[-1] == "Correlation of PQ and mR@inf over 3 reports: 0.989."
    page = to_page(compared)
    assert page.count("<circle") == 3 and "m&lt;1&gt;" in page and "m<1>" not in page
    assert "r2: PQ 50.00, mR@inf 60.00" in chart(compared)
