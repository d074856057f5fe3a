# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every test that docs/features.md and QUALITY_DECLARATION.md name exists, no row is without."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/features.md", "QUALITY_DECLARATION.md")
STATES = {"✔", "◐", "✖"}


def named_tests() -> list[str]:
    texts = ((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    return sorted({name for text in texts for name in re.findall(r"`(test/\S+?\.py\S*?)`", text)})


@cache
def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", named_tests())
def test_a_named_test_exists(name: str) -> None:
    file, _, function = name.partition("::")
    assert (ROOT / file).is_file()
    assert not function or function in functions(ROOT / file)


def test_each_feature_has_a_state_a_word_and_a_test() -> None:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").split("## Promises")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    features = [row for row in rows if row[0] != "feature"]
    assert len(features) == 39
    for feature, state, words, test in features:
        assert state in STATES and words and "`test/" in test, feature
