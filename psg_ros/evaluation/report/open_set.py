# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of an open-set protocol as a table, the same for every output, and for JSON."""

from __future__ import annotations

from typing import Any

from psg_ros import tables
from psg_ros.evaluation.metrics.evaluation_report import plain_values
from psg_ros.evaluation.metrics.open_set import OpenSet
from psg_ros.evaluation.report.scores import Table, percent


def open_set_title(figures: OpenSet) -> str:
    """Return the heading of the table."""
    return f"Open set, protocol {figures.protocol}"


def open_set_table(figures: OpenSet) -> Table:
    """Return a row for each view and each way to count, and a column for each depth."""
    images, rows = figures.images(), []
    for view, scores in figures.scores().items():
        kinds: dict[str, dict[str, str]] = {}
        for name, value in scores.items():
            kind, _, rest = name.partition("@")
            depth, _, rule = rest.partition(" ")
            kinds.setdefault(f"{kind} {rule}".strip(), {})[f"@{depth}"] = percent(value)
        rows += [[view, kind, str(images[view]), *by_depth.values()]
                 for kind, by_depth in kinds.items()]  # fmt: skip
        columns = tables.named("view", "%", "images", *next(iter(kinds.values())), text=2)
    return columns, rows


def open_set_content(figures: OpenSet) -> dict[str, Any]:
    """Return what a JSON report says of it."""
    return {
        "protocol": figures.protocol,
        "novel": figures.novel_names,
        "images": dict(figures.images()),
        "scores": {view: plain_values(row) for view, row in figures.scores().items()},
    }
