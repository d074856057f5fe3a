# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/messages.md and docs/parameters.md from what they describe: python docs/generate.py

A test compares the pages with what this would write.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from psg_ros.node_config import NodeParameter, node_parameters  # noqa: E402

GENERATED = "<!-- Written by docs/generate.py; do not edit. -->"
TYPES = {float: "double", int: "integer", str: "string", bool: "bool"}
"""As ROS names them; a list is one of strings where it is empty by default, else of doubles."""


@dataclass
class Part:
    """A message, or one half of a service: what it is, its constants and fields."""

    intro: list[str] = field(default_factory=list)
    constants: list[tuple[str, str]] = field(default_factory=list)  # declaration, meaning
    fields: list[tuple[str, str, str]] = field(default_factory=list)  # name, type, meaning


def parse(text: str) -> Part:
    """Return the content of an interface file.

    A comment with an empty line below it speaks of the whole, any other of the lines right below.
    """
    part, comment, is_used = Part(), [], False
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            if is_used:
                comment, is_used = [], False
            comment.append(line[1:].removeprefix(" "))
        elif not line:
            if comment and not is_used:
                part.intro += [*comment, ""]
            comment, is_used = [], False
        else:
            declaration, _, trailing = map(str.strip, line.partition("#"))
            above = trailing or " ".join(comment)
            is_used = True
            if "=" in declaration:
                part.constants.append((declaration.split(None, 1)[1], above))
            else:
                kind, name = declaration.split()[:2]
                meaning = f"{' '.join(comment)} {trailing}".strip() if trailing else above
                part.fields.append((name, kind, meaning))
    return part


def messages_page(root: Path = ROOT) -> str:
    """Return docs/messages.md: every message and service with the comments of its file."""
    parts = [
        "# Messages and services",
        GENERATED,
        "`ros2 interface show psg_ros/msg/SceneGraph` shows the same text. Start with "
        "[SceneGraph](#scenegraph): its rules apply to everything in it.",
    ]
    for file in sorted(root.glob("msg/*.msg")):
        parts += [f"## {file.stem}", *_section(parse(file.read_text(encoding="utf-8")))]
    for file in sorted(root.glob("srv/*.srv")):
        request, _, response = file.read_text(encoding="utf-8").partition("---\n")
        parts += [f"## {file.stem} (service)", *_section(parse(request))]
        parts += ["Response:", *_section(parse(response))]
    return "\n\n".join(parts) + "\n"


def parameters_page() -> str:
    """Return docs/parameters.md: every parameter of the node with its default and range."""
    rows = [
        (f"`{p.name}`", _type(p), _value(p.default), _range(p), _text(p)) for p in node_parameters()
    ]
    parts = [
        "# Parameters of the node",
        GENERATED,
        "Set them in a parameter file (`params_file:=`; copy `config/node.yaml`) or, while the\n"
        "node runs, with `ros2 param set`; some are launch arguments, too. A value outside its\n"
        "range is refused with a reason. Parameters marked *Fixed* can change only while the node\n"
        "is unconfigured. The `psg` commands have options of the same names: `score_threshold` is\n"
        "`--score-threshold`.",
        _table(("parameter", "type", "default", "range", "what it does"), rows),
    ]
    return "\n\n".join(parts) + "\n"


PAGES = {"messages.md": messages_page, "parameters.md": parameters_page}


def _section(part: Part) -> list[str]:
    found = [_prose(part.intro)] if part.intro else []
    if part.fields:
        rows = [(f"`{name}`", f"`{kind}`", text) for name, kind, text in part.fields]
        found.append(_table(("field", "type", "meaning"), rows))
    else:
        found.append("No fields.")
    if part.constants:
        rows = [(f"`{declaration}`", text) for declaration, text in part.constants]
        found.append(_table(("constant", "meaning"), rows))
    return found


def _prose(lines: list[str]) -> str:
    """Return lines of a comment; what is indented in it becomes a block of its own."""
    text = "\n".join(lines).strip()
    return re.sub(r"(?m)((?:^ {4}.*\n?)+)", r"\n\1\n", text).strip()


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _type(parameter: NodeParameter) -> str:
    if parameter.kind is not tuple:
        return TYPES[parameter.kind]
    return "double array" if parameter.default else "string array"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        value = list(value) or '[""]'
    return (
        f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else '`""`'
    )


def _range(parameter: NodeParameter) -> str:
    if parameter.choices:
        return ", ".join(f"`{choice}`" for choice in parameter.choices)
    if parameter.minimum is None or parameter.maximum is None:
        return ""
    return f"{parameter.minimum:g} to {parameter.maximum:g}"


def _text(parameter: NodeParameter) -> str:
    return f"{parameter.text}. *Fixed.*" if parameter.fixed else parameter.text


if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page(), encoding="utf-8")
