# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of the peers, as text, Markdown, JSON and a picture."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psg_ros import tables
from psg_ros.benchmark.peers.settings import PeerResult, PeerRow, PeerSettings
from psg_ros.tables import Column

COLUMNS = (
    Column("peer", left=True),
    Column("makes", left=True),
    Column("median ms"),
    Column("p99 ms"),
    Column("CPU ms"),
    Column("faster"),
    Column("network CPU ms"),
    Column("faster"),
    Column("peak MiB"),
    Column("start s"),
    Column("J"),
    Column("remark", left=True),
)


def terminal(rows: Sequence[PeerRow]) -> str:
    """Return the table for a terminal."""
    return tables.terminal(COLUMNS, _cells(rows))


def markdown(rows: Sequence[PeerRow], settings: PeerSettings, command: str) -> str:
    """Return command, conditions and table."""
    table = tables.markdown(COLUMNS, _cells(rows))
    return f"    {command}\n\n{conditions(settings)}\n\n{table}\n"


def conditions(settings: PeerSettings) -> str:
    """Return one paragraph about what all rows have in common."""
    ladder = settings.ladder
    height, width = ladder.size_hw
    threads = f"{ladder.threads} threads" if ladder.threads else "threads as each chooses"
    return (
        f"Network {ladder.model['name']}, random weights, {ladder.image or f'noise of {width}x'}"
        f"{'' if ladder.image else f'{height} px'}, the same {ladder.masks} segments for all, "
        f"{threads}, {ladder.repeats} frames by turns. A frame is everything from picture to "
        '"makes"; "faster" is by CPU time, against the first row that makes the same. "start" '
        "runs from the start of the process to the first frame."
    )


def record(
    rows: Sequence[PeerRow],
    settings: PeerSettings,
    command: str,
    machine: Mapping[str, object],
) -> dict[str, Any]:
    """Return everything for JSON."""
    return {
        "command": command,
        "machine": dict(machine),
        "settings": dataclasses.asdict(settings.ladder),
        "rows": [
            {
                "peer": row.peer.name,
                "makes": row.peer.makes,
                "failure": row.failure,
                "result": None if row.result is None else dataclasses.asdict(row.result),
            }
            for row in rows
        ],
    }


def draw(rows: Sequence[PeerRow], path: Path) -> None:
    """Draw CPU time of a frame, network apart, as bars; PNG or SVG by the name's ending."""
    from matplotlib.figure import Figure

    measured = [(row.peer, row.result) for row in rows if row.result is not None]
    figure = Figure(figsize=(8, 0.6 + 0.5 * len(measured)), layout="constrained")
    axes = figure.add_subplot()
    names = [peer.text for peer, _ in measured]
    frames = [result.frame.cpu_median_ms for _, result in measured]
    networks = [0.0 if math.isnan(r.network_ms) else r.network_ms for _, r in measured]
    axes.barh(names, frames, color="#bcd3ea", label="around the network")
    axes.barh(names, networks, color="#2f6db0", label="network")
    axes.invert_yaxis()
    axes.set_xlabel("CPU time of a frame, ms")
    axes.legend()
    figure.savefig(path)


def _cells(rows: Sequence[PeerRow]) -> list[list[str]]:
    reference: dict[str, PeerResult] = {}
    cells = []
    for row in rows:
        if row.result is None:
            empty = [""] * (len(COLUMNS) - 3)
            cells.append([row.peer.text, row.peer.makes, *empty, row.failure])
            continue
        first = reference.setdefault(row.peer.makes, row.result)
        cells.append(_measured(row, row.result, first))
    return cells


def _measured(row: PeerRow, result: PeerResult, first: PeerResult) -> list[str]:
    frame = result.frame
    return [
        row.peer.text,
        row.peer.makes,
        f"{frame.median_ms:.0f}",
        f"{frame.p99_ms:.0f}",
        f"{frame.cpu_median_ms:.0f}",
        _ratio(first.frame.cpu_median_ms, frame.cpu_median_ms),
        "" if math.isnan(result.network_ms) else f"{result.network_ms:.0f}",
        _ratio(first.network_ms, result.network_ms),
        f"{result.peak_mib:.0f}",
        f"{result.start.start_s:.1f}",
        "" if result.joules is None else f"{result.joules:.1f}",
        f"{result.segments} segments",
    ]


def _ratio(before: float, now: float) -> str:
    return "" if math.isnan(before) or math.isnan(now) else f"{before / now:.2f}x"
