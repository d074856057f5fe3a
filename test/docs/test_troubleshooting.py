# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every line of a log that docs/troubleshooting.md quotes is one that the code can write."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def quoted_lines() -> list[str]:
    """Return the quotes in the first column that have a gap: those are lines of a program."""
    first_cells = re.findall(r"(?m)^\| (.*?) \|", PAGE)
    return [
        quote for cell in first_cells for quote in re.findall(r"`([^`]*)`", cell) if " " in quote
    ]


def written_texts() -> str:
    """Return all texts in the code, one a line; joined as the compiler joins them."""
    found = []
    for file in (ROOT / "psg_ros").rglob("*.py"):
        if "msg" in file.parts or "srv" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


TEXTS = written_texts()


def test_the_page_quotes_lines() -> None:
    assert len(quoted_lines()) > 12


@pytest.mark.parametrize("line", quoted_lines())
def test_a_quoted_line_is_in_the_code(line: str) -> None:
    pieces = [piece.strip() for piece in line.split("…")]
    words = [piece for piece in pieces if len(piece) > 3]
    assert words, "a quote of gaps says nothing"
    assert [piece for piece in words if piece not in TEXTS] == []
