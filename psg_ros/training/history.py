# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a run: one JSON line per report, and the curves as a picture."""

import json
from pathlib import Path
from typing import Any


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


def plot_curves(history: History, x_axis: str, out: Path) -> None:
    """Draw every recorded number over `x_axis`, one panel a number."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = history.rows()
    names = sorted({name for row in rows for name in row} - {x_axis})
    figure, panels = pyplot.subplots(
        1, max(len(names), 1), figsize=(3.2 * max(len(names), 1), 2.6), squeeze=False
    )
    for panel, name in zip(panels[0], names, strict=False):
        points = [(row[x_axis], row[name]) for row in rows if name in row]
        panel.plot(*zip(*points, strict=True))
        panel.set_title(name)
        panel.set_xlabel(x_axis)
        panel.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    pyplot.close(figure)
