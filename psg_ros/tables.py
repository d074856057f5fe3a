# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one writer of tables: the same columns and cells for a terminal, Markdown and HTML.

Cells are anything with a `str`; what they say, rounding included, is for the caller to decide.
"""

from __future__ import annotations

import dataclasses
import html as markup
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers are right-aligned.

    Attributes:
        width: characters in a terminal; longer cells push the rest of their line.
    """

    heading: str
    width: int = 0
    left: bool = False

    def pad(self, cell: str) -> str:
        return cell.ljust(self.width) if self.left else cell.rjust(self.width)


def named(*headings: str, text: int = 1) -> tuple[Column, ...]:
    """Return columns of which the first `text` hold text and the others numbers."""
    return tuple(Column(heading, left=i < text) for i, heading in enumerate(headings))


def terminal(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> str:
    """Return a whole table, every column as wide as its widest cell."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(column.width, len(column.heading), *(len(row[i]) for row in cells), 0)
        for i, column in enumerate(columns)
    ]
    wide = [dataclasses.replace(c, width=w) for c, w in zip(columns, widths, strict=True)]
    return "\n".join([terminal_head(wide), *(terminal_line(wide, row) for row in cells)])


def terminal_head(columns: Sequence[Column]) -> str:
    """Return headings and a rule."""
    head = terminal_line(columns, [column.heading for column in columns])
    return f"{head}\n{'-' * sum(column.width + 2 for column in columns)}"


def terminal_line(columns: Sequence[Column], cells: Sequence[object]) -> str:
    """Return one line of a table whose lines are printed as they come."""
    padded = (column.pad(str(cell)) for column, cell in zip(columns, cells, strict=True))
    return "  ".join(padded).rstrip()


def markdown(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    head = [column.heading for column in columns]
    rule = ["---" if column.left else "---:" for column in columns]
    escaped = ([str(cell).replace("|", r"\|") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *escaped))


def html(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> str:
    """Return a table element; cells of numbers have the class `n`."""
    head = _html_row("th", columns, [column.heading for column in columns])
    body = "".join(_html_row("td", columns, row) for row in rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(kind: str, columns: Sequence[Column], cells: Sequence[object]) -> str:
    css = ("" if column.left else ' class="n"' for column in columns)
    inside = "".join(
        f"<{kind}{style}>{markup.escape(str(cell))}</{kind}>"
        for style, cell in zip(css, cells, strict=True)
    )
    return f"<tr>{inside}</tr>"
