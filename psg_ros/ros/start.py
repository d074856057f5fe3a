# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the node is started: the one place for its names and command line.

The launch file, the `psg` commands and the tests take everything from here. Imports no rclpy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psg_ros.node_config import check_parameter_names, node_parameters
from psg_ros.resources import share_path

EXECUTABLE = "scene_graph_node"
NODE_NAME = "scene_graph_node"
NODE_MODULE = "psg_ros.ros.scene_graph_node"

# Relative names follow the namespace, `~/` ones the node's name; all can be remapped.
IMAGE_TOPIC = "image"
GRAPH_TOPIC = "scene_graph"
ANNOTATED_TOPIC = "~/annotated_image"
SEGMENTATION_TOPIC = "~/segmentation"
VOCABULARY_TOPIC = "~/vocabulary"
OUTPUT_TOPICS = (GRAPH_TOPIC, ANNOTATED_TOPIC, SEGMENTATION_TOPIC, VOCABULARY_TOPIC)

IMAGE_SUFFIXES = {"raw": "", "compressed": "/compressed"}
"""What each `image_transport` adds to the image topic, after remapping."""

LAUNCH_PARAMETERS = (
    "model",
    "backend",
    "camera",
    "image_transport",
    "image_reliability",
    "annotated_image",
    "autostart",
)
"""Node parameters that are arguments of the launch file, too."""

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True)
class LaunchArgument:
    """One argument of the launch file; without choices any text goes."""

    name: str
    default: str
    text: str
    choices: tuple[str, ...] = ()


def params_path() -> Path:
    """Return the parameter file that is used when none is named."""
    return share_path() / "config" / "node.yaml"


def rviz_path() -> Path:
    """Return the RViz configuration that shows what the node publishes."""
    return share_path() / "config" / "rviz" / "scene_graph.rviz"


def topic_remaps(image_topic: str) -> list[tuple[str, str]]:
    """Return the remappings that connect the node to a camera."""
    return [] if image_topic == IMAGE_TOPIC else [(IMAGE_TOPIC, image_topic)]


def node_command(
    *,
    image_topic: str = IMAGE_TOPIC,
    namespace: str = "",
    params_file: Path | str | None = None,
    parameters: Mapping[str, Any] | None = None,
    remaps: Mapping[str, str] | None = None,
    use_sim_time: bool = False,
    log_level: str = "info",
) -> list[str]:
    """Return the command line of a node process for the running Python.

    Args:
        image_topic: topic of the camera's raw images; with compressed transport `/compressed` is
            added by the node.
        params_file: parameter file; None takes the package's own.
        parameters: values on top of the file, checked by name.
        remaps: further remappings, from name to name.

    Raises:
        ValueError: a parameter the node does not have.
    """
    parameters = dict(parameters or {})
    check_parameter_names(parameters)
    if use_sim_time:
        parameters["use_sim_time"] = True
    arguments = ["--params-file", str(params_file or params_path()), "--log-level", log_level]
    for name, value in parameters.items():
        arguments += ["-p", f"{name}:={json.dumps(value)}"]
    for source, target in [*topic_remaps(image_topic), *(remaps or {}).items()]:
        arguments += ["-r", f"{source}:={target}"]
    if namespace:
        arguments += ["-r", f"__ns:=/{namespace.strip('/')}"]
    return [sys.executable, "-m", NODE_MODULE, "--ros-args", *arguments]


def launch_arguments() -> tuple[LaunchArgument, ...]:
    """Return the arguments of the launch file.

    Those that are node parameters default to nothing, so that the parameter file decides.
    """
    table = {parameter.name: parameter for parameter in node_parameters()}
    own = (
        LaunchArgument(
            "image",
            IMAGE_TOPIC,
            "topic of the camera, such as /camera/image_raw; for compressed images, too, without "
            "/compressed",
        ),
        LaunchArgument(
            "namespace", "", "namespace of the node and its topics: front gives /front/scene_graph"
        ),
        LaunchArgument(
            "params_file",
            str(params_path()),
            "YAML file with the node's parameters; a copy of this one with your changes",
        ),
        LaunchArgument("log_level", "info", "least severe messages to show", LOG_LEVELS),
        LaunchArgument(
            "use_sim_time",
            "",
            "take the time from /clock (simulators, ros2 bag play --clock)",
            ("", "true", "false"),
        ),
    )
    derived = []
    for name in LAUNCH_PARAMETERS:
        choices = ("true", "false") if table[name].kind is bool else table[name].choices
        text = f"{table[name].text} (when left out: as params_file says)"
        derived.append(LaunchArgument(name, "", text, ("", *choices) if choices else ()))
    return (*own, *derived)


def launch_parameters(given: Mapping[str, str]) -> dict[str, str | bool]:
    """Return the node parameters among the given launch arguments, without the empty ones."""
    flags = {p.name for p in node_parameters() if p.kind is bool} | {"use_sim_time"}
    names = [name for name in (*LAUNCH_PARAMETERS, "use_sim_time") if given[name]]
    return {name: given[name] == "true" if name in flags else given[name] for name in names}
