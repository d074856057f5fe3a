# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tables for a terminal and for Markdown from the same cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand to the right.

    Attributes:
        width: characters in a terminal; longer cells push the rest of their line.
    """

    heading: str
    width: int
    left: bool = False

    def pad(self, cell: str) -> str:
        return cell.ljust(self.width) if self.left else cell.rjust(self.width)


def terminal_line(columns: Sequence[Column], cells: Sequence[str]) -> str:
    """Return one line of a table whose lines are printed as they come."""
    padded = (column.pad(cell) for column, cell in zip(columns, cells, strict=True))
    return "  ".join(padded).rstrip()


def terminal_head(columns: Sequence[Column]) -> str:
    """Return headings and a rule."""
    head = terminal_line(columns, [column.heading for column in columns])
    return f"{head}\n{'-' * sum(column.width + 2 for column in columns)}"


def markdown_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    head = [column.heading for column in columns]
    rule = ["---" if column.left else "---:" for column in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def bar(share: float, width: int = 30) -> str:
    """Return a bar of blocks, `width` characters for a share of 1, to an eighth of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", *"▏▎▍▌▋▊▉")[rest]
