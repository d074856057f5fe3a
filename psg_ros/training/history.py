# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a run: one JSON line per report, and the curves as a picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from psg_ros.files import write_text


class Means:
    """Means of named numbers since the last report."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: Mapping[str, float]) -> None:
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in values.items()}
        self._count += 1

    def take(self, digits: int) -> dict[str, float]:
        """Return the rounded means and start over."""
        means = {name: round(total / self._count, digits) for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


class History:
    """Appends numbers to `FILE.jsonl`; survives a killed run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, **values: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    def rows(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def rewind(self, x_axis: str, last: float) -> None:
        """Forget what lies after `last`: a resumed run goes through it once more."""
        kept = [row for row in self.rows() if row.get(x_axis, last) <= last]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))


def plot_curves(history: History, x_axis: str, out: Path) -> None:
    """Draw every recorded number over `x_axis`, one panel a number."""
    rows = [row for row in history.rows() if x_axis in row]
    names = sorted({name for row in rows for name in row} - {x_axis})
    columns = max(len(names), 1)
    figure = Figure(figsize=(3.2 * columns, 2.6), layout="tight")
    panels = figure.subplots(1, columns, squeeze=False)[0]
    for panel, name in zip(panels, names, strict=False):
        points = [(row[x_axis], row[name]) for row in rows if name in row]
        panel.plot(*zip(*points, strict=True))
        panel.set_title(name)
        panel.set_xlabel(x_axis)
        panel.grid(alpha=0.3)
    figure.savefig(out, dpi=110)
