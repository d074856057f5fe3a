# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The written pages say what the code says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


GENERATE = generator()


@pytest.mark.parametrize("name", GENERATE.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == GENERATE.PAGES[name](), "run: python docs/generate.py"


def test_a_comment_is_of_the_lines_right_below_it() -> None:
    text = """\
# What it is.
# More.

# Kinds.
uint8 A = 1  # one
uint8 B = 2

# Size.
int32 w
int32 h  # down
"""
    part = GENERATE.parse(text)
    assert part.intro == ["What it is.", "More.", ""]
    assert part.constants == [("A = 1", "one"), ("B = 2", "Kinds.")]
    assert part.fields == [("w", "int32", "Size."), ("h", "int32", "Size. down")]


@pytest.mark.parametrize("file", sorted(ROOT.glob("msg/*.msg")), ids=lambda file: file.stem)
def test_every_field_of_a_message_says_what_it_is(file: Path) -> None:
    part = GENERATE.parse(file.read_text(encoding="utf-8"))
    assert part.intro and part.fields
    assert [name for name, _, meaning in part.fields if not meaning] == []


@pytest.mark.slow
def test_the_api_reference_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="needs the extra 'docs'")
    command = [sys.executable, str(ROOT / "docs" / "api.py"), "--without-sources", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "psg_ros" / "robot" / "pipeline.html").is_file()
    assert not (tmp_path / "psg_ros" / "msg.html").exists()
