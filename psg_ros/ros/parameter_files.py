# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 parameter files, read for what rclpy does not tell: for whom a value was meant.

rclpy hands over one merged mapping. A file for a whole robot, under `/**`, holds parameters of many
nodes, and those of others must not stop this one; under its own name they are mistakes. Only names
are read here, the values come from rclpy. Imports no rclpy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1 << 20
"""A parameter file is written by hand; what is larger is something else (our choice)."""

PARAMETERS = "ros__parameters"
WILDCARDS = {"*": r"/\w+", "**": r"(/\w+)*"}
"""Parts of a node's name in a file -> the expression that rcl makes of them."""


@dataclass(frozen=True)
class Section:
    """What a file says to some nodes.

    Attributes:
        node: parts of a node's full name, some of them wildcards.
        names: parameters; those in nested mappings joined by dots.
    """

    node: tuple[str, ...]
    names: frozenset[str]

    @property
    def is_shared(self) -> bool:
        """Whether the node's own name is a wildcard; only its namespace may be: /**/camera."""
        return self.node[-1] in WILDCARDS

    def is_for(self, node: str) -> bool:
        """Whether it speaks to the node of this full name."""
        parts = (WILDCARDS.get(part, "/" + re.escape(part)) for part in self.node)
        return re.fullmatch("".join(parts), node) is not None


def read_parameter_file(path: Path) -> list[Section]:
    """Return the sections of a parameter file.

    Raises:
        ValueError: it cannot be read, or is not a file of parameters; one line that says why.
    """
    where = f"parameter file {path}"
    if not path.is_file():
        raise ValueError(f"{where}: {'it is not a file' if path.exists() else 'no such file'}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ValueError(f"{where} has {len(data)} bytes, more than any parameter file")
    try:
        # Not loaded: a mapping may name a key twice, and rcl takes both.
        root = yaml.compose(data, _NodeReader)
        return [] if root is None else list(_sections(root, ()))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:
        raise ValueError(f"{where}: {error}; expected NODE: {PARAMETERS}: NAME: VALUE") from error


def parameter_files(arguments: Sequence[str]) -> list[Path]:
    """Return the parameter files among the ROS arguments of a command line."""
    return [Path(value) for value in _ros_options(arguments, ("--params-file",))]


def wildcard_names(arguments: Sequence[str], node: str) -> set[str]:
    """Return the parameters that a node is given under wildcards alone, as `/**` and `/front/*`.

    Args:
        arguments: command line of the process.
        node: full name, as /front/scene_graph_node.

    Raises:
        ValueError: see `read_parameter_file`.
    """
    rules = _ros_options(arguments, ("-p", "--param"))
    own = {rule.partition(":=")[0].rpartition(":")[2] for rule in rules}
    shared: set[str] = set()
    for path in parameter_files(arguments):
        for section in read_parameter_file(path):
            if section.is_for(node):
                (shared if section.is_shared else own).update(section.names)
    return shared - own


class _NodeReader(yaml.SafeLoader):
    """Refuses aliases: rcl knows none, and they can make a small file endless."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError("aliases are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


def _sections(content: yaml.Node, above: tuple[str, ...]) -> Iterator[Section]:
    for key, value in _pairs(content, "/".join(above)):
        if key != PARAMETERS:
            yield from _sections(value, (*above, *key.strip("/").split("/")))
        elif above:
            yield Section(above, frozenset(_names(value)))
        else:
            raise ValueError(f"no node is named above {PARAMETERS}")


def _names(content: yaml.Node) -> Iterator[str]:
    for name, value in _pairs(content, PARAMETERS):
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from (f"{name}.{inner}" for inner in _names(value))
        else:
            yield name


def _pairs(content: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(content, yaml.MappingNode):
        raise ValueError(f"{what or 'the whole'!r} is not a mapping")
    for key, value in content.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"a key in {what or 'the whole'!r} is not a word")
        yield key.value, value


def _ros_options(arguments: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """Yield the values of some options, each from where `--ros-args` begins to where `--` ends."""
    ours = False
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word in ("--ros-args", "--"):
            ours = word == "--ros-args"
        elif ours and word in options:
            yield following
