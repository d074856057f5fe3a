# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""For whom a value in a parameter file was meant, against what rcl makes of the same file."""

import time
from pathlib import Path

import pytest

from psg_ros.ros.parameter_files import (
    MAX_BYTES,
    parameter_files,
    read_parameter_file,
    wildcard_names,
)

FLEET = """
/**:
  ros__parameters:
    everywhere: 1
    both: 1
    nested: {one: 1, two: {three: [1, 2]}, none: {}}
    dotted.name: 1
    on_the_line: 1
/*: {ros__parameters: {no_namespace: 1}}
/front/*: {ros__parameters: {in_front: 1}}
/**: {ros__parameters: {second_time: 1}}
/**/eyes: {ros__parameters: {mine_anywhere: 1}}
/front/eyes: {ros__parameters: {mine: 1, both: 1}}
front:
  eyes: {ros__parameters: {mine_nested: 1}}
/rear/eyes: {ros__parameters: {anothers: 1}}
/front/ears: {ros__parameters: {anothers: 1}}
"""
EVERYWHERE = {"everywhere", "nested.one", "nested.two.three", "nested.none", "dotted.name"}
EVERYWHERE |= {"on_the_line", "second_time"}


@pytest.fixture
def fleet(tmp_path):
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET)
    return str(file)


@pytest.mark.parametrize(
    ("node", "shared"),
    [
        ("/front/eyes", EVERYWHERE | {"in_front"}),
        ("/eyes", EVERYWHERE | {"both", "no_namespace"}),
        ("/a/b/c", EVERYWHERE | {"both"}),
    ],
)
def test_names_under_wildcards_are_told_from_those_under_the_nodes_own_name(fleet, node, shared):
    assert wildcard_names(["node", "--ros-args", "--params-file", fleet], node) == shared


def test_a_name_on_the_command_line_is_meant_for_the_node(fleet):
    for option in ("-p", "--param"):
        for rule in ("on_the_line:=2", "eyes:on_the_line:=2"):
            line = ["--ros-args", "--params-file", fleet, option, rule]
            expected = (EVERYWHERE | {"both"}) - {"on_the_line"}
            assert wildcard_names(line, "/a/b/c") == expected


def test_only_ros_arguments_count(fleet):
    line = ["--params-file", "a", "--ros-args", "--params-file", "b", "--", "--params-file", "c"]
    line += ["--ros-args", "-r", "x:=y", "--params-file", "d"]
    assert parameter_files(line) == [Path("b"), Path("d")]
    assert wildcard_names(["--params-file", fleet], "/eyes") == set()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "is not YAML: "),
        (b"\xff\xfe\x00", "is not YAML: "),
        (b"a: \x00", "is not YAML: "),
        ("[" * 100_000, "is not YAML: "),
        ("a: 1\n---\nb: 2", "is not YAML: "),
        ("/**: {ros__parameters: &a {b: 1}}\n/x: {ros__parameters: *a}", "aliases are not allowed"),
        ("- 1", "'the whole' is not a mapping; expected NODE: ros__parameters: NAME: VALUE"),
        ("model: demo", "'model' is not a mapping; expected NODE"),
        ("/**:", "'**' is not a mapping; expected NODE"),
        ("/**: {model: demo}", "'**/model' is not a mapping; expected NODE"),
        ("/**: {ros__parameters: }", "'ros__parameters' is not a mapping; expected NODE"),
        ("/**: {ros__parameters: {[1]: 2}}", "a key in 'ros__parameters' is not a word"),
        ("ros__parameters: {model: demo}", "no node is named above ros__parameters"),
        (" " * (MAX_BYTES + 1), f"has {MAX_BYTES + 1} bytes, more than any parameter file"),
    ],
)
def test_what_is_no_parameter_file_is_refused_in_one_line(tmp_path, content, words):
    file = tmp_path / "p.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    started_s = time.monotonic()
    with pytest.raises(ValueError, match=f"^parameter file {file}") as refusal:
        read_parameter_file(file)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)
    assert time.monotonic() - started_s < 10


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, monkeypatch):
    for path, words in (
        (tmp_path / "nowhere", "no such file"),
        (tmp_path, "it is not a file"),
        (Path("/dev/zero"), "it is not a file"),
    ):
        with pytest.raises(ValueError, match=f"^parameter file {path}: {words}$"):
            read_parameter_file(path)
    file = tmp_path / "secret.yaml"
    file.touch()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ValueError, match="secret.yaml cannot be read: Permission denied$"):
        read_parameter_file(file)


@pytest.mark.parametrize("content", ["", "# nothing", "/foo: {}", "/**: {ros__parameters: {}}"])
def test_an_empty_file_is_one(tmp_path, content):
    file = tmp_path / "p.yaml"
    file.write_text(content)
    assert not any(section.names for section in read_parameter_file(file))


def test_values_are_never_interpreted(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(
        "/**: {ros__parameters: {day: 2024-99-99, big: 1e999, tag: !!python/object:os.system x}}"
    )
    (section,) = read_parameter_file(file)
    assert section.names == {"day", "big", "tag"}
