# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Times of the pipeline's steps as a table with bars, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psg_ros import tables
from psg_ros.benchmark.stage_times import FRAME, StageReport
from psg_ros.benchmark.timing import Timing
from psg_ros.tables import Column

COLUMNS = (
    Column("step", 12, left=True),
    Column("median ms", 9),
    Column("p95 ms", 9),
    Column("share", 6),
    Column("", 30, left=True),
)


def terminal(report: StageReport) -> str:
    """Return a table with a bar for each step's share of the frame."""
    table = tables.terminal(COLUMNS, [[*cells, bar(share)] for cells, share in _rows(report)])
    cpu = f"CPU time of a frame {report.frame.cpu_median_ms:.1f} ms (all threads)"
    rate = f"{1000 / report.frame.median_ms:.1f} frames a second; {cpu}"
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
    return "\n".join([facts, "", table, "", rate])


def markdown(report: StageReport, command: str) -> str:
    """Return the command and the table."""
    table = tables.markdown(COLUMNS[:-1], [cells for cells, _ in _rows(report)])
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
    return f"    {command}\n\n{facts}:\n\n{table}\n"


def record(
    report: StageReport, command: str, machine: Mapping[str, object], settings: Mapping[str, object]
) -> dict[str, Any]:
    """Return everything for JSON."""
    timings = {**report.steps, FRAME: report.frame, **report.around}
    return {
        "command": command,
        "machine": dict(machine),
        "settings": dict(settings),
        **report.facts,
        "frames": len(report.frame.wall_ms),
        "frame_cpu_median_ms": report.frame.cpu_median_ms,
        "ms_median_p95": {name: [t.median_ms, t.p95_ms] for name, t in timings.items()},
    }


def _rows(report: StageReport) -> list[tuple[list[str], float]]:
    """Return cells and share of the frame: its steps, the frame, what is around it."""
    rows = [_row(name, timing, report.frame) for name, timing in report.steps.items()]
    rows.append(_row(FRAME, report.frame, report.frame))
    around = (_row(f"({name})", timing, report.frame) for name, timing in report.around.items())
    return [*rows, *((cells, 0.0) for cells, _ in around)]


def _row(name: str, timing: Timing, frame: Timing) -> tuple[list[str], float]:
    share = timing.median_ms / frame.median_ms
    return [name, f"{timing.median_ms:.2f}", f"{timing.p95_ms:.2f}", f"{share:.0%}"], share


def bar(share: float, width: int = 30) -> str:
    """Return a bar of blocks, `width` characters for a share of 1, to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", *"▏▎▍▌▋▊▉")[rest]
