# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Text files are UTF-8 whatever the locale says; a robot's is often C or POSIX."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import psg_ros

PACKAGE = Path(psg_ros.__file__).parent
TEXT_CALLS = {"read_text", "write_text"}
"""Methods of paths. `psg_ros.files.write_text`, a function, is UTF-8 by itself."""
OPENING = {"open", "fdopen"}


def opened_by_locale(source: str) -> Iterator[int]:
    """Yield the lines that read or write text and do not say in which encoding."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and _is_text(call) and not _says_encoding(call):
            yield call.lineno


def _is_text(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute):
        if call.func.attr in TEXT_CALLS:
            return True
        mode = call.args[1:2] if call.func.attr == "fdopen" else call.args[:1]
        # Without a mode, .open() is that of anything else: a model, a data set, a bag.
        return call.func.attr in OPENING and any(map(_is_text_mode, mode))
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        return not call.args[1:] or _is_text_mode(call.args[1])
    return False


def _is_text_mode(mode: ast.expr) -> bool:
    return (
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and set(mode.value) <= set("rwxa+t")
    )


def _says_encoding(call: ast.Call) -> bool:
    return any(keyword.arg == "encoding" for keyword in call.keywords)


def test_every_text_file_says_its_encoding() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in opened_by_locale(path.read_text(encoding="utf-8"))
    ]
    assert wrong == [], 'add encoding="utf-8", or read and write bytes'


def test_what_depends_on_the_locale_is_found_and_nothing_else() -> None:
    wrong = ['p.read_text()', 'p.write_text("a")', 'p.open("a")', 'open(p)', 'open(p, "w")',
             'os.fdopen(1, "w")']  # fmt: skip
    right = ['p.read_text(encoding="utf-8")', 'p.open("rb")', "Pipeline.open(config)", "p.open()",
             'open(p, "rb")', "write_text(p, text)", 'os.fdopen(1, "rb")',
             "os.open(p, flags)"]  # fmt: skip
    assert [list(opened_by_locale(line)) for line in wrong] == [[1]] * len(wrong)
    assert [list(opened_by_locale(line)) for line in right] == [[]] * len(right)
