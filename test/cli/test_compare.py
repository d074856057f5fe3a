# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""psg compare, on reports that psg evaluate has written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_psg import VOCABULARY, write_tiny_psg

from psg_ros.__main__ import main
from psg_ros.data.opening import open_dataset
from psg_ros.evaluation.report.examples import graph_of_truth
from psg_ros.evaluation.results.writer import ResultsWriter
from psg_ros.scene_graph import RelationScores


@pytest.fixture
def reports(tmp_path: Path) -> list[Path]:
    """Three segmenters; the second misses one image of the five, the third two."""
    folder = write_tiny_psg(tmp_path / "set")
    dataset = open_dataset(folder, VOCABULARY, "train")
    paths = []
    for missing in range(3):
        results, path = tmp_path / f"results{missing}", tmp_path / f"misses_{missing}.json"
        with ResultsWriter(results, VOCABULARY, "SGDet", {"name": "m"}) as writer:
            for truth in list(dataset)[missing:]:
                writer.add(truth.image_id, said(truth))
        arguments = [str(folder), "--split", "train", "--results", str(results)]
        assert main(["evaluate", *arguments, "--json", str(path)]) == 0
        paths.append(path)
    return paths


def said(truth):
    """The annotation itself, as a prediction that scores no pair."""
    columns = 1 + VOCABULARY.num_predicates
    none = RelationScores(np.zeros((0, 2), np.int32), np.zeros((0, columns), np.float32))
    return replace(graph_of_truth(truth, VOCABULARY), relation_scores=none)


def test_quality_and_bound_of_several_segmenters_in_one_table_and_page(
    reports: list[Path], tmp_path: Path, capsys
) -> None:
    table, page = tmp_path / "a.md", tmp_path / "a.html"
    capsys.readouterr()
    arguments = ["compare", *map(str, reports), "--markdown", str(table), "--html", str(page)]
    assert main(arguments) == 0
    text = table.read_text()
    assert capsys.readouterr().out == text
    rows = text.splitlines()[2:5]
    assert [row.split(" | ")[0] for row in rows] == ["| misses_0", "| misses_1", "| misses_2"]
    assert "| 100.00 | 100.00 | 0.00 |" in rows[0], "all is found, no relation said"
    assert "Correlation of PQ and mR@inf over 3 reports: " in text
    assert page.read_text().count("<circle") == 3


def test_reports_that_do_not_compare_are_refused_in_one_line(
    reports: list[Path], tmp_path: Path, capsys
) -> None:
    other = tmp_path / "other.json"
    other.write_text(reports[0].read_text().replace('"split": "train"', '"split": "test"'))
    assert main(["compare", str(reports[1]), str(other)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "do not compare: split is 'train' in one and 'test' in the other" in line


def test_a_place_that_cannot_be_written_is_refused_first(tmp_path: Path, capsys) -> None:
    assert main(["compare", "a", "b", "--html", str(tmp_path / "absent" / "a.html")]) == 2
    assert "absent" in capsys.readouterr().err


def test_a_report_is_not_written_over(reports: list[Path], capsys) -> None:
    before = reports[1].read_bytes()
    assert main(["compare", *map(str, reports), "--markdown", str(reports[1])]) == 2
    assert "is the input" in capsys.readouterr().err
    assert reports[1].read_bytes() == before


@pytest.mark.parametrize("name", ["set/psg.json", "results0/results.json"])
def test_nor_is_what_an_evaluation_reads(reports: list[Path], tmp_path: Path, capsys, name) -> None:
    before = (tmp_path / name).read_bytes()
    arguments = [str(tmp_path / "set"), "--split", "train", "--results", str(tmp_path / "results0")]
    assert main(["evaluate", *arguments, "--json", str(tmp_path / name)]) == 2
    assert "is the input" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == before
