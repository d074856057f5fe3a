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
SERVICES = sorted((ROOT / "srv").glob("*.srv"))
INTERFACES = [*MESSAGES, *SERVICES]
FIELD = re.compile(r"[A-Za-z_0-9/]+(\[[0-9]*\])? [a-z_0-9]+( [0-9]+)?")


def definitions() -> str:
    """All messages and services, comments included: the comments are the meaning."""
    return "\n".join(f"=== {path.stem}\n{path.read_text()}" for path in INTERFACES)


def test_interfaces_equal_their_announced_text():
    assert definitions() == GOLDEN.read_text(), (
        "msg/ or srv/ differs from test/golden/interfaces.txt. Wording alone: copy it over. A "
        "change of meaning also raises SCHEMA_VERSION; a change of fields after 1.0 takes a new "
        "name."
    )


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_every_field_is_explained(path: Path):
    explained = False
    for line in path.read_text(encoding="utf-8").splitlines():
        code, _, comment = line.partition("#")
        if not code.strip():
            explained = bool(comment)  # an empty line ends what a comment speaks of
        elif FIELD.fullmatch(code.strip()):
            assert explained or comment, f"{path.name}: {code.strip()} has no comment"


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_interfaces_are_ascii(path: Path):
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
        assert list(built[path.stem].get_fields_and_field_types()) == fields(path.read_text())


def test_built_services_are_those_of_the_checkout():
    srv = pytest.importorskip("psg_ros.srv", reason="needs ROS 2")
    built = {n: getattr(srv, n) for n in dir(srv) if n[0].isupper() and "_" not in n}
    assert sorted(built) == [path.stem for path in SERVICES]
    for path in SERVICES:
        request, response = path.read_text().split("\n---\n")
        service = built[path.stem]
        assert list(service.Request.get_fields_and_field_types()) == fields(request)
        assert list(service.Response.get_fields_and_field_types()) == fields(response)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_every_answer_says_whether_and_why(path: Path):
    _, response = path.read_text(encoding="utf-8").split("\n---\n")
    assert fields(response)[:2] == ["success", "message"]


def test_a_delta_says_of_the_whole_all_that_a_graph_says():
    """Except for the times of the steps, which change with every graph and help no consumer."""
    graph, delta = (
        fields((ROOT / "msg" / f"{n}.msg").read_text()) for n in ("SceneGraph", "GraphDelta")
    )
    assert set(graph) - {"timing"} <= set(delta)


def fields(text: str) -> list[str]:
    """Names of the fields in the text of a message, or of one half of a service."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line.split()[1] for line in lines if FIELD.fullmatch(line)]
