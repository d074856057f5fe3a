# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder as a table: each step beside the one before it and beside the paper's figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psg_ros import tables
from psg_ros.benchmark.ladder.settings import LadderSettings, Row
from psg_ros.benchmark.ladder.steps import STEPS, Step
from psg_ros.benchmark.timing import LEAST_REPEATS, is_faster
from psg_ros.robot.runtime.backend import resolve_backend
from psg_ros.tables import Column

COLUMNS = (
    Column("step", 4),
    Column("what changes", 30, left=True),
    Column("median ms", 9),
    Column("p95 ms", 8),
    Column("CPU ms", 8),
    Column("ratio", 6),
    Column("relations/s", 11),
    Column("GFLOP", 7),
    Column("param M", 7),
    Column("peak MiB", 8),
    Column("paper 3090", 12),
    Column("H100", 11),
    Column("remark", 18, left=True),
)
NO_HELP = "does not help here"
BY_NAME = {step.name: step for step in STEPS}


def row_cells(row: Row, rows: Mapping[str, Row]) -> list[str]:
    """Return the cells of one row.

    Args:
        rows: by name of the step, as far as they are measured.
    """
    paper = [paper_cell(row.step, "rtx_3090_ms"), paper_cell(row.step, "h100_ms")]
    if row.result is None:
        return [row.step.number, row.step.title, *[""] * 8, *paper, f"failed: {row.failure}"]
    result, ratio = row.result, ratio_to_before(row, rows)
    return [
        row.step.number,
        row.step.title,
        _short(result.timing.median_ms),
        _short(result.timing.p95_ms),
        _short(result.timing.cpu_median_ms),
        "" if ratio is None else f"{ratio:.2f}x",
        _short(result.relations_per_s),
        f"{result.gflop:.1f}",
        f"{result.parameters / 1e6:.1f}",
        f"{result.peak_mib:.0f}",
        *paper,
        NO_HELP if helps(row, rows) is False else "",
    ]


def ratio_to_before(row: Row, rows: Mapping[str, Row]) -> float | None:
    """Return how many times faster than the step before; None without both."""
    before = rows.get(row.step.before)
    if row.result is None or before is None or before.result is None:
        return None
    return before.result.timing.median_ms / row.result.timing.median_ms


def helps(row: Row, rows: Mapping[str, Row]) -> bool | None:
    """Return whether a step is faster than the one before by more than the noise; None: unknown."""
    before = rows.get(row.step.before)
    if row.result is None or before is None or before.result is None:
        return None
    return is_faster(row.result.timing, before.result.timing)


def paper_cell(step: Step, field: str) -> str:
    """Return the paper's latency on a device and its ratio to the step before, as far as given."""
    own = getattr(step.published, field)
    if own is None:
        return ""
    before = BY_NAME.get(step.before)
    earlier = before and getattr(before.published, field)
    return f"{own:g} ({earlier / own:.2f}x)" if earlier else f"{own:g}"


def notes(settings: LadderSettings, rows: Sequence[Row]) -> list[str]:
    """Return what must stand below the table."""
    found = [row.result for row in rows if row.result]
    if settings.weights:
        weights = "weights of a training run (DSFormer's relation network: random)"
        segments = "segments as each network finds them"
    else:
        weights = "random weights: times hold, results mean nothing"
        segments = (
            f"{settings.masks} synthetic segments, few large and many small, given to the panoptic "
            "merge as mask logits in place of the segmenter's own"
        )
    size = f"{settings.size_hw[1]}x{settings.size_hw[0]} px of noise"
    memory = (
        "allocated by torch on the GPU"
        if settings.device != "cpu"
        else ("resident in a fresh process, Python and libraries included")
    )
    lines = [
        f"{settings.model['name']}, {settings.dtype}, {settings.device}, batch {settings.batch}, "
        f"median of {settings.repeats} frames after {settings.warmup}; {weights}.",
        "A frame, the same in every row: picture to network input, segmenter with all heads, "
        "panoptic merge, boxes and overlap ratios, mask embedding, neck and head for all pairs, "
        f"logits on the host, ranking. Picture: {settings.image or size}; {segments}.",
        "Step 0 has EoMT in place of MaskDINO as its segmenter. Steps 0 to 3, 5 and 6 enlarge the "
        "masks of all queries to input size and merge and pool them there, the others on the raw "
        "grid.",
        "ratio: times faster than the step before (5a and 5 against 3, 7 against 4). "
        f"'{NO_HELP}': the notches (1.57 IQR / sqrt n) of the two medians overlap, or it is slower"
        + (
            f"; not judged below {LEAST_REPEATS} frames."
            if settings.repeats < LEAST_REPEATS
            else "."
        ),
        "relations/s: directed pairs scored. GFLOP: 2 per multiply-add, matrix work only, counted "
        f"from shapes. Peak memory: {memory}. CPU ms: of all threads.",
        "paper: ms of DSFlash, CVPR 2026, variant B, on an RTX 3090 and an H100, with the ratio to "
        "the step before.",
    ]
    if any(row.step.deployed for row in rows):
        lines.append(
            f"Step 9 runs in {resolve_backend(settings.backend)}, precision {settings.precision}, "
            "and also describes the nodes."
        )
    return [*lines, *sorted({f"Device: {result.device}." for result in found})]


def markdown(settings: LadderSettings, rows: Sequence[Row], command: str) -> str:
    """Return the command, the table and the notes."""
    by_name = {row.step.name: row for row in rows}
    table = tables.markdown(COLUMNS, [row_cells(row, by_name) for row in rows])
    return "\n".join(["", f"    {command}", "", table, "", *_items(notes(settings, rows)), ""])[1:]


def record(
    settings: LadderSettings, rows: Sequence[Row], command: str, machine: Mapping[str, object]
) -> dict[str, Any]:
    """Return everything for JSON."""
    by_name = {row.step.name: row for row in rows}
    return {
        "command": command,
        "machine": dict(machine),
        "settings": dataclasses.asdict(settings),
        "notes": notes(settings, rows),
        "rows": [_row_record(row, by_name) for row in rows],
    }


def _row_record(row: Row, rows: Mapping[str, Row]) -> dict[str, Any]:
    facts: dict[str, Any] = {"step": dataclasses.asdict(row.step)}
    if row.result is None:
        return {**facts, "failure": row.failure}
    timing = row.result.timing
    return {
        **facts,
        "median_ms": timing.median_ms,
        "p95_ms": timing.p95_ms,
        "cpu_median_ms": timing.cpu_median_ms,
        "notch_ms": timing.notch_ms,
        "ratio_to_before": ratio_to_before(row, rows),
        "helps": helps(row, rows),
        "relations_per_s": row.result.relations_per_s,
        "gflop": row.result.gflop,
        **dataclasses.asdict(row.result),
    }


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _items(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines]
