# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the node is started: the one place for its names and command line.

The launch file, the `psg` commands and the tests take everything from here. Imports no rclpy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psg_ros.node_config import check_parameter_names
from psg_ros.resources import share_path

EXECUTABLE = "scene_graph_node"
NODE_NAME = "scene_graph_node"
NODE_MODULE = "psg_ros.ros.scene_graph_node"

# Relative names follow the namespace, `~/` ones the node's name; all can be remapped.
IMAGE_TOPIC = "image"
DEPTH_TOPIC = "depth"
CAMERA_INFO_TOPIC = "camera_info"
GRAPH_TOPIC = "scene_graph"
DELTA_TOPIC = "scene_graph/delta"
ANNOTATED_TOPIC = "~/annotated_image"
SEGMENTATION_TOPIC = "~/segmentation"
VOCABULARY_TOPIC = "~/vocabulary"
LABEL_INFO_TOPIC = "~/label_info"
MARKERS_TOPIC = "~/markers"
COMPRESSED_SUFFIX = "/compressed"
"""What image_transport adds to the topic of an image for its compressed copy."""

QUERY_SERVICE = "~/query_relations"
GRAPH_SERVICE = "~/get_scene_graph"
PAUSE_SERVICE = "~/pause"
RESET_SERVICE = "~/reset"
SNAPSHOT_SERVICE = "~/snapshot"
WORDS_SERVICE = "~/reload_words"
SPADE_SERVICE = "~/run_spade"

PLACE = "CAMERA"
"""Stands for the name of each of several cameras in the topic of their images."""

IMAGE_SUFFIXES = {"raw": "", "compressed": "/compressed"}
"""What each `image_transport` adds to the image topic, after remapping."""

DEPTH_SUFFIXES = {"raw": "", "compressedDepth": "/compressedDepth"}
"""What each `depth_transport` adds to the depth topic, after remapping."""


def params_path() -> Path:
    """Return the parameter file that is used when none is named."""
    return share_path() / "config" / "node.yaml"


def camera_topic(topic: str, camera: str, node_name: str) -> str:
    """Return the name of a topic for one of several cameras; for the only one, "", the same.

    It is what a node of its own in the namespace of that name would call the topic: front has
    front/image, front/scene_graph and front/scene_graph_node/segmentation.
    """
    if not camera:
        return topic
    return f"{camera}/{node_name}{topic[1:]}" if topic.startswith("~") else f"{camera}/{topic}"


def rviz_path() -> Path:
    """Return the layout of RViz that shows what the node publishes."""
    return share_path() / "config" / "rviz" / "scene_graph.rviz"


def topic_remaps(
    image_topic: str,
    depth_topic: str = DEPTH_TOPIC,
    camera_info_topic: str = "",
    *,
    cameras: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """Return the remappings that connect the node to its cameras.

    Args:
        image_topic: of the only camera. Of several, CAMERA in this and the other topics stands for
            the name of each; a relative topic without it is looked for below the name, as
            front/image_raw.
        camera_info_topic: "" takes the one beside the image, where cameras have it, if a depth
            topic is given, which needs it.
        cameras: names of several cameras; none for the only one.

    Raises:
        ValueError: one absolute topic for several cameras.
    """
    if not camera_info_topic:
        beside = f"{image_topic.rpartition('/')[0]}/{CAMERA_INFO_TOPIC}"
        known = depth_topic != DEPTH_TOPIC and "/" in image_topic
        camera_info_topic = beside if known else CAMERA_INFO_TOPIC
    pairs = {
        IMAGE_TOPIC: image_topic,
        DEPTH_TOPIC: depth_topic,
        CAMERA_INFO_TOPIC: camera_info_topic,
    }
    if cameras:
        pairs = {
            f"{name}/{ours}": _topic_of(name, theirs)
            for name in cameras
            for ours, theirs in pairs.items()
        }
    return [(ours, theirs) for ours, theirs in pairs.items() if ours != theirs]


def _topic_of(camera: str, topic: str) -> str:
    """Return the topic of one of several cameras."""
    if PLACE in topic:
        return topic.replace(PLACE, camera)
    if topic.startswith("/"):
        raise ValueError(
            f"several cameras cannot all have the topic {topic}: write {PLACE} where it has "
            f"the name of each, as in /{PLACE}/image_raw"
        )
    return f"{camera}/{topic}"


def node_command(
    *,
    image_topic: str = IMAGE_TOPIC,
    depth_topic: str = DEPTH_TOPIC,
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
        depth_topic: topic of depth that is aligned to them, with its camera_info beside the images.
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
    topics = topic_remaps(image_topic, depth_topic, cameras=parameters.get("cameras", ()))
    for source, target in [*topics, *(remaps or {}).items()]:
        arguments += ["-r", f"{source}:={target}"]
    if namespace:
        arguments += ["-r", f"__ns:=/{namespace.strip('/')}"]
    return [sys.executable, "-m", NODE_MODULE, "--ros-args", *arguments]
