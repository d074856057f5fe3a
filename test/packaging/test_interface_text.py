# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 messages cannot evolve: peers and bags with another definition hear nothing, unwarned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "test" / "golden" / "interfaces.txt"
MESSAGES = sorted((ROOT / "msg").glob("*.msg"))
FIELD = re.compile(r"[A-Za-z_0-9/]+(\[[0-9]*\])? [a-z_0-9]+( [0-9]+)?")


def definitions() -> str:
    """All messages, comments included: the comments are the meaning."""
    return "\n".join(f"=== {path.stem}\n{path.read_text()}" for path in MESSAGES)


def test_interfaces_equal_their_announced_text():
    assert definitions() == GOLDEN.read_text(), (
        "msg/ differs from test/golden/interfaces.txt. Wording alone: copy it over. A change of "
        "meaning also raises SCHEMA_VERSION; a change of fields after 1.0 takes a new message name."
    )


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_field_is_explained(path: Path):
    explained = False
    for line in path.read_text().splitlines():
        code, _, comment = line.partition("#")
        if not code.strip():
            explained = bool(comment)  # an empty line ends what a comment speaks of
        elif FIELD.fullmatch(code.strip()):
            assert explained or comment, f"{path.name}: {code.strip()} has no comment"


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_messages_are_ascii(path: Path):
    # The generators write Latin-1 and read UTF-8.
    path.read_text(encoding="ascii")


def test_default_of_schema_version_is_the_constant():
    text = (ROOT / "msg" / "SceneGraph.msg").read_text()
    constant = re.search(r"^uint16 SCHEMA_VERSION = (\d+)$", text, re.MULTILINE)
    default = re.search(r"^uint16 schema_version (\d+)$", text, re.MULTILINE)
    assert constant and default
    assert constant[1] == default[1]


def test_built_messages_are_those_of_the_checkout():
    msg = pytest.importorskip("psg_ros.msg", reason="needs ROS 2")
    built = {name: getattr(msg, name) for name in dir(msg) if name[0].isupper()}
    assert sorted(built) == [path.stem for path in MESSAGES]
    for path in MESSAGES:
        lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
        fields = [line.split()[1] for line in lines if FIELD.fullmatch(line)]
        assert list(built[path.stem].get_fields_and_field_types()) == fields
