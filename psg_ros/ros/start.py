# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the node is started: the one place for its names and command line.

The launch file, the `psg` commands and the tests take everything from here. Imports no rclpy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psg_ros.node_config import check_parameter_names
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

IMAGE_SUFFIXES = {"raw": "", "compressed": "/compressed"}
"""What each `image_transport` adds to the image topic, after remapping."""


def params_path() -> Path:
    """Return the parameter file that is used when none is named."""
    return share_path() / "config" / "node.yaml"


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
