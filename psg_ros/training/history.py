# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a run: one JSON line per report, the curves as a picture, TensorBoard if wanted."""

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from psg_ros.files import write_text

PANELS_A_ROW = 4


@dataclass
class Means:
    """Means of named numbers since the last report; its fields are all its state."""

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def add(self, values: Mapping[str, float]) -> None:
        self.sums = {name: self.sums.get(name, 0.0) + value for name, value in values.items()}
        self.count += 1

    def take(self, digits: int) -> dict[str, float]:
        """Return the rounded means and start over."""
        means = {name: round(total / self.count, digits) for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


class History:
    """Appends numbers to `FILE.jsonl`; survives a killed run.

    Args:
        board: folder for the same numbers as TensorBoard events; None: no TensorBoard.

    Raises:
        ImportError: a board without the package tensorboard.
    """

    def __init__(self, path: Path, board: Path | None = None) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._board = None if board is None else open_board(board)

    def add(self, **values: Any) -> None:
        """Record numbers; the first one is what the others are drawn over."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        if self._board is not None:
            (_, place), *others = values.items()
            for name, value in others:
                self._board.add_scalar(f"{self.path.stem}/{name}", value, int(place))
            self._board.flush()

    def rows(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a full disk leaves a part of a line
        return [json.loads(line) for line in whole.splitlines()]

    def rewind(self, x_axis: str, last: float) -> None:
        """Forget what lies after `last`: a resumed run goes through it once more."""
        kept = [row for row in self.rows() if row.get(x_axis, last) <= last]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        if self._board is not None:
            self._board.close()
            self._board = open_board(Path(self._board.log_dir), purge_step=int(last) + 1)


def open_history(folder: Path, name: str, *, tensorboard: bool = False) -> History:
    """Return the record `NAME.jsonl` of a run folder, and its events below `tensorboard/`."""
    return History(folder / f"{name}.jsonl", folder / "tensorboard" / name if tensorboard else None)


def open_board(folder: Path, purge_step: int | None = None) -> Any:
    """Return a writer of TensorBoard events; raises as `check_tensorboard`.

    Args:
        purge_step: events of this step and later ones that are there already are not shown.
    """
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=purge_step)


def check_tensorboard() -> None:
    """Raise ImportError, which names the extra, unless the package tensorboard is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        what = "pip install '.[tensorboard]' in the source folder"
        raise ImportError(f"--tensorboard needs the package tensorboard: {what}")


def plot_curves(history: History, x_axis: str, out: Path) -> None:
    """Draw every recorded number over `x_axis`, one panel a number, a few side by side."""
    rows = [row for row in history.rows() if x_axis in row]
    names = sorted({name for row in rows for name in row} - {x_axis})
    columns = min(max(len(names), 1), PANELS_A_ROW)
    lines = max(-(-len(names) // columns), 1)
    figure = Figure(figsize=(3.2 * columns, 2.6 * lines), layout="tight")
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for panel in panels[max(len(names), 1) :]:
        panel.set_axis_off()
    for panel, name in zip(panels, names, strict=False):
        points = [(row[x_axis], row[name]) for row in rows if name in row]
        # A single point is no line.
        panel.plot(*zip(*points, strict=True), marker="o" if len(points) == 1 else "")
        panel.set_title(name)
        panel.set_xlabel(x_axis)
        panel.grid(alpha=0.3)
        panel.locator_params(axis="x", nbins=4)
        if name.endswith("_mib"):
            # Flat is what it should look like.
            panel.set_ylim(bottom=0, top=1.2 * max(value for _, value in points))
    figure.savefig(out, dpi=110)
