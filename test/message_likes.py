# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our messages without ROS: dataclasses made from msg/*.msg, with the defaults that ROS gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "msg"
FIELD = re.compile(r"(?P<type>[\w/]+)(?P<array>\[\d*\])? (?P<name>[a-z_0-9]+)( (?P<default>\d+))?")
CONSTANT = re.compile(r"\w+ (?P<name>[A-Z_0-9]+) = (?P<value>\d+)")


@dataclass
class Time:
    sec: int = 0
    nanosec: int = 0


@dataclass
class Header:
    stamp: Time = field(default_factory=Time)
    frame_id: str = ""


@dataclass
class RegionOfInterest:
    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0
    do_rectify: bool = False


@dataclass
class Vector:
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


OTHERS = {
    "builtin_interfaces/Time": Time,
    "std_msgs/Header": Header,
    "sensor_msgs/RegionOfInterest": RegionOfInterest,
    "geometry_msgs/Point": Vector,
    "geometry_msgs/Vector3": Vector,
}


def message_class(name: str) -> Any:
    """Return the class of one message, its constants included."""
    text = (FOLDER / f"{name}.msg").read_text()
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    constants = {c["name"]: int(c["value"]) for c in map(CONSTANT.fullmatch, lines) if c}
    fields = [
        (found["name"], Any, _default(found)) for found in map(FIELD.fullmatch, lines) if found
    ]
    return make_dataclass(name, fields, namespace=constants)


def _default(found: re.Match[str]) -> Any:
    if found["array"]:
        size = int(found["array"][1:-1] or 0)
        return field(default_factory=lambda: [0] * size)
    if found["type"] in OTHERS:
        return field(default_factory=OTHERS[found["type"]])
    if (FOLDER / f"{found['type']}.msg").exists():
        return field(default_factory=lambda: message_class(found["type"])())
    plain = {"string": "", "bool": False, "float32": 0.0, "float64": 0.0}
    return field(default=int(found["default"] or 0) or plain.get(found["type"], 0))


SceneGraph = message_class("SceneGraph")
SceneNode = message_class("SceneNode")
SceneRelation = message_class("SceneRelation")
PredicateInfo = message_class("PredicateInfo")
ClassInfo = message_class("ClassInfo")
GraphVocabulary = message_class("GraphVocabulary")
