# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments of the launch file: what there is, what users may write, what it means for the node.

Imports neither launch nor rclpy, so that tests and tools can read the same table.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psg_ros.node_config import canonical_choice, check_cameras, node_parameters
from psg_ros.resources import PACKAGE
from psg_ros.ros.parameter_files import read_parameter_file
from psg_ros.ros.start import (
    ANNOTATED_TOPIC,
    DEPTH_TOPIC,
    IMAGE_TOPIC,
    MARKERS_TOPIC,
    NODE_NAME,
    SEGMENTATION_TOPIC,
    camera_topic,
    params_path,
    rviz_path,
    topic_remaps,
)

LAUNCH_PARAMETERS = (
    "model",
    "backend",
    "device",
    "camera",
    "cameras",
    "image_transport",
    "image_reliability",
    "depth_transport",
    "spatial_frame_id",
    "gravity_frame_id",
    "annotated_image",
    "autostart",
    "build_only",
)
"""Node parameters that are arguments of the launch file, too."""

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
LOG_LEVEL_ALIASES = {"warning": "warn"}

FLAGS = {
    **dict.fromkeys(("true", "yes", "on", "y", "1"), "true"),
    **dict.fromkeys(("false", "no", "off", "n", "0"), "false"),
}
"""What users write for a flag, in any case -> how it is passed on."""

NAME_PART = r"[A-Za-z_][A-Za-z0-9_]*"
NAMES = {
    "name": (NAME_PART, "a name of letters, digits and _, no digit first"),
    "namespace": (
        rf"/?({NAME_PART}(/{NAME_PART})*)?/?",
        "names of letters, digits and _, with / between them",
    ),
}
"""Arguments that become part of a ROS name -> what they must match, in words too."""


@dataclass(frozen=True)
class LaunchArgument:
    """One argument of the launch file; without choices any text goes."""

    name: str
    default: str
    text: str
    choices: tuple[str, ...] = ()
    flag: bool = False

    @property
    def description(self) -> str:
        """The text for people, with the choices. Launch itself would refuse True and INFO."""
        return f"{self.text}; one of {', '.join(self.choices)}" if self.choices else self.text


def launch_arguments() -> tuple[LaunchArgument, ...]:
    """Return the arguments of the launch file.

    Those that are node parameters default to nothing, so that the parameter file decides.
    """
    table = {parameter.name: parameter for parameter in node_parameters()}
    flag = ("true", "false")
    own = (
        LaunchArgument(
            "image",
            IMAGE_TOPIC,
            "topic of the camera, such as /camera/image_raw (for compressed images also without "
            "/compressed); with several cameras, CAMERA stands for each name: /CAMERA/image_raw",
        ),
        LaunchArgument(
            "depth",
            DEPTH_TOPIC,
            "topic of depth aligned to the image, such as "
            "/camera/aligned_depth_to_color/image_raw; without it, nodes have no positions",
        ),
        LaunchArgument(
            "camera_info",
            "",
            "topic of the image's CameraInfo (if left out: the one beside the image)",
        ),
        LaunchArgument(
            "rviz",
            "false",
            "open RViz with the pictures and markers of this node; of several cameras, the first",
            flag,
            flag=True,
        ),
        LaunchArgument(
            "name", NODE_NAME, "name of the node, and first part of its topics that begin with ~"
        ),
        LaunchArgument(
            "namespace", "", "namespace of the node and its topics: front gives /front/scene_graph"
        ),
        LaunchArgument(
            "params_file",
            str(params_path()),
            "YAML file with the node's parameters; start from a copy of this one",
        ),
        LaunchArgument(
            "log_level",
            "info",
            "lowest severity of messages to show, for all loggers or for one: rcl:=debug",
            LOG_LEVELS,
        ),
        LaunchArgument(
            "use_sim_time",
            "",
            "use the time from /clock (simulators, ros2 bag play --clock)",
            flag,
            flag=True,
        ),
    )
    derived = []
    for name in LAUNCH_PARAMETERS:
        is_flag = table[name].kind is bool
        commas = ", separated by commas" if table[name].kind is tuple else ""
        text = f"{table[name].text}{commas} (if left out: as in params_file)"
        choices = flag if is_flag else table[name].choices
        derived.append(LaunchArgument(name, "", text, choices, flag=is_flag))
    return (*own, *derived)


def check_names(given: Sequence[str], command_line: Sequence[str], launch_file: str) -> None:
    """Refuse arguments that the launch file does not have; launch ignores them in silence.

    Only where the user started this very file. What a file that includes it was given is for that
    file to judge, and the launch configurations that it shares with ours are none of our business.

    Args:
        given: arguments of `ros2 launch` as NAME:=VALUE (`LaunchContext.argv`).
        command_line: of the process.
        launch_file: path of the file in which this is called.

    Raises:
        ValueError: names the argument and the nearest known one.
    """
    if not _is_started(command_line, launch_file):
        return
    known = [argument.name for argument in launch_arguments()]
    for word in given:
        name, assigned, _ = word.partition(":=")
        if assigned and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"unknown launch argument {name!r} ({hint})")


def read_values(given: Mapping[str, str]) -> dict[str, str]:
    """Return all launch arguments as they are passed on, whatever spelling the user chose.

    Args:
        given: value of every argument; an empty one stands for the default.

    Raises:
        ValueError: a value that the argument does not take, or a parameter file that is none.
    """
    values = {a.name: _read(a, given[a.name] or a.default) for a in launch_arguments()}
    for name in ("model", "params_file"):  # a shell leaves the ~ of NAME:=~/FILE to us
        values[name] = os.path.expanduser(values[name])
    read_parameter_file(Path(values["params_file"]))
    return values


def launch_parameters(values: Mapping[str, str]) -> dict[str, str | bool | list[str]]:
    """Return the node parameters among the values of `read_values`, without the empty ones."""
    flags = {argument.name for argument in launch_arguments() if argument.flag}
    names = [name for name in (*LAUNCH_PARAMETERS, "use_sim_time") if values[name]]
    given: dict[str, str | bool | list[str]] = {
        name: values[name] == "true" if name in flags else values[name] for name in names
    }
    if values["cameras"]:
        given["cameras"] = camera_names(values)
    return given


def camera_names(values: Mapping[str, str]) -> list[str]:
    """Return the names of several cameras among the values of `read_values`.

    Raises:
        ValueError: names that make no topics.
    """
    names = [name.strip() for name in values["cameras"].split(",") if name.strip()]
    check_cameras(names)
    return names


def rviz_arguments(values: Mapping[str, str]) -> list[str]:
    """Return the command line of RViz: the layout, and the frame to look from where one is set."""
    frame = values["spatial_frame_id"]
    return ["-d", str(rviz_path()), *(["-f", frame] if frame else [])]


def rviz_remaps(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what leads the topics of the layout to those of the node, or of its first camera."""
    cameras = camera_names(values)[:1]
    camera, name = "".join(cameras), values["name"]
    image = camera_topic(IMAGE_TOPIC, camera, name)
    pairs = [(IMAGE_TOPIC, dict(topic_remaps(values["image"], cameras=cameras)).get(image, image))]
    for topic in (ANNOTATED_TOPIC, SEGMENTATION_TOPIC, MARKERS_TOPIC):
        ours = camera_topic(topic, camera, name).replace("~", name)
        pairs.append((topic.replace("~", NODE_NAME), ours))
    return [(shown, ours) for shown, ours in pairs if shown != ours]


def _read(argument: LaunchArgument, value: str) -> str:
    name = argument.name
    if name in NAMES and not re.fullmatch(NAMES[name][0], value):
        raise ValueError(f"launch argument {name}:={value} must be {NAMES[name][1]}")
    if not (argument.choices and value):
        return value
    logger, of_logger, word = value.rpartition(":=") if name == "log_level" else ("", "", value)
    if argument.flag:
        word = FLAGS.get(word.strip().lower(), word)
    elif name == "log_level":
        word = LOG_LEVEL_ALIASES.get(word.strip().lower(), word)
    word = canonical_choice(word, argument.choices)
    if word not in argument.choices:
        raise ValueError(
            f"launch argument {name}:={value} must be one of {', '.join(argument.choices)}"
        )
    return f"{logger}{of_logger}{word}"


def _is_started(command_line: Sequence[str], launch_file: str) -> bool:
    """Say whether a command line names the launch file: `PACKAGE FILE`, or its path."""
    words = [word for word in command_line[1:] if ":=" not in word]
    in_package = (PACKAGE, os.path.basename(launch_file))
    if in_package in zip(words, words[1:]):  # noqa: B905 - neighbours
        return True
    return any(os.path.isfile(word) and os.path.samefile(word, launch_file) for word in words)
