# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ratios, remarks and the paper's figures beside ours."""

import dataclasses
import json

import pytest

from psg_ros.benchmark.ladder.report import (
    COLUMNS,
    NO_HELP,
    helps,
    markdown,
    notes,
    paper_cell,
    ratio_to_before,
    record,
    row_cells,
)
from psg_ros.benchmark.ladder.settings import Row, RunWeights, StepResult
from psg_ros.benchmark.ladder.steps import (
    BOTH_WAYS,
    DSFORMER,
    PACKED,
    PRUNE,
    PRUNE_MASKED,
    SHARED,
    TOME,
)
from psg_ros.benchmark.timing import Timing

HEADINGS = [column.heading for column in COLUMNS]


def row(step, median_ms: float, repeats: int = 5) -> Row:
    wall = tuple(median_ms + 0.01 * offset for offset in range(-(repeats // 2), repeats // 2 + 1))
    result = StepResult(
        timing=Timing(wall, wall),
        masks=5,
        sequences=10,
        relations=20,
        mean_tokens=18.0,
        flops={"neck": 3_000_000_000, "heads": 500_000_000},
        parameters=39_900_000,
        peak_mib=512.0,
        device="a processor",
    )
    return Row(step, result)


def named(*rows: Row) -> dict[str, Row]:
    return {row.step.name: row for row in rows}


def cells(own: Row, *before: Row) -> dict[str, str]:
    return dict(zip(HEADINGS, row_cells(own, named(*before, own)), strict=True))


def test_row_shows_what_was_measured():
    shown = cells(row(SHARED, 200.0), row(DSFORMER, 500.0))
    assert shown["median ms"] == "200.0"
    assert shown["ratio"] == "2.50x"
    assert shown["relations/s"] == "100.0"
    assert shown["GFLOP"] == "3.5"
    assert shown["param M"] == "39.9"
    assert shown["peak MiB"] == "512"
    assert shown["paper 3090"] == "41 (11.17x)"
    assert shown["remark"] == ""


@pytest.mark.parametrize(
    ("median_ms", "repeats", "remark"),
    [(101.0, 5, NO_HELP), (99.999, 5, NO_HELP), (90.0, 5, ""), (101.0, 3, "")],
    ids=["slower", "within the noise", "faster", "too few frames to tell"],
)
def test_step_that_is_not_faster_is_marked(median_ms, repeats, remark):
    own, before = row(TOME, median_ms, repeats), row(PRUNE, 100.0, repeats)
    assert cells(own, before)["remark"] == remark


def test_ratio_needs_the_step_before():
    assert ratio_to_before(row(SHARED, 10.0), {}) is None
    assert helps(row(SHARED, 10.0), {}) is None
    assert cells(row(SHARED, 10.0))["ratio"] == ""
    failed = Row(DSFORMER, failure="out of memory")
    assert cells(row(SHARED, 10.0), failed)["ratio"] == ""


def test_failed_step_says_why_and_keeps_the_papers_figure():
    shown = cells(Row(DSFORMER, failure="out of memory"))
    assert shown["remark"] == "failed: out of memory"
    assert shown["median ms"] == ""
    assert shown["paper 3090"] == "458"


@pytest.mark.parametrize(
    ("step", "field", "shown"),
    [
        (PRUNE, "rtx_3090_ms", "29 (1.00x)"),
        (PRUNE, "h100_ms", "20 (0.95x)"),
        (TOME, "rtx_3090_ms", "30 (0.97x)"),
        (BOTH_WAYS, "h100_ms", "19"),
        (PRUNE_MASKED, "rtx_3090_ms", ""),
        (PACKED, "rtx_3090_ms", ""),
    ],
)
def test_papers_ratio_is_to_the_same_step_as_ours(step, field, shown):
    assert paper_cell(step, field) == shown


def test_notes_say_what_was_random(tiny_settings):
    random = " ".join(notes(tiny_settings, []))
    assert "random weights" in random and "5 synthetic segments" in random
    assert "not judged below 5 frames" in random
    trained = dataclasses.replace(
        tiny_settings, weights=RunWeights("a", "b"), image="photo.jpg", repeats=9
    )
    told = " ".join(notes(trained, []))
    assert "synthetic" not in told and "photo.jpg" in told and "not judged" not in told


def test_markdown_holds_command_table_and_notes(tiny_settings):
    text = markdown(tiny_settings, [row(DSFORMER, 500.0), row(SHARED, 200.0)], "psg benchmark x")
    lines = text.splitlines()
    assert lines[0] == "    psg benchmark x"
    assert lines[2].startswith("| step | what changes |")
    assert lines[4].startswith("| 0 | DSFormer") and lines[5].startswith("| 1 | shared EoMT")
    assert lines[-1] == "- Device: a processor."


def test_json_holds_machine_settings_and_every_repeat(tiny_settings):
    rows = [row(DSFORMER, 500.0), row(SHARED, 200.0), Row(TOME, failure="broken")]
    content = json.loads(json.dumps(record(tiny_settings, rows, "psg benchmark x", {"cores": 2})))
    assert content["command"] == "psg benchmark x"
    assert content["machine"] == {"cores": 2}
    assert content["settings"]["masks"] == 5
    first, second, third = content["rows"]
    assert len(first["timing"]["wall_ms"]) == 5
    assert second["ratio_to_before"] == pytest.approx(2.5)
    assert second["helps"] is True
    assert second["step"]["published"]["rtx_3090_ms"] == 41
    assert second["flops"] == {"neck": 3_000_000_000, "heads": 500_000_000}
    assert third["failure"] == "broken" and "median_ms" not in third
