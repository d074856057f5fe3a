# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NodeConfig: every ROS parameter of the scene graph node, with its default, text and range.

It extends `PipelineConfig`, `PictureConfig`, `DeltaConfig` and `SpadeRunConfig`: their settings are
parameters of the same name and one object configures all. Free of rclpy: the launch file and the
command line read the same table.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin, get_type_hints

from psg_ros.config import DeltaConfig, PictureConfig, PipelineConfig
from psg_ros.frame import check_direction
from psg_ros.setting_fields import choices_of, described
from psg_ros.spade_config import SpadeRunConfig


def parse_direction(text: str) -> tuple[float, float, float] | None:
    """Return the direction in a text such as "0 -1 0"; None for an empty one.

    Raises:
        ValueError: it is none.
    """
    words = text.replace(",", " ").split()
    if not words:
        return None
    try:
        right, down, away = map(float, words)
        check_direction((right, down, away))
    except ValueError as error:
        raise ValueError(
            f"camera_up must be three numbers, not all 0, such as '0 -1 0', not {text!r}"
        ) from error
    return right, down, away


CAMERA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_CAMERAS = 32
"""More than any model serves; a list that long is a mistake (our choice)."""


def check_cameras(names: Sequence[str]) -> None:
    """Refuse names that cannot be the first part of a topic, twice the same, or too many.

    Raises:
        ValueError: says which.
    """
    for name in names:
        if not CAMERA_NAME.fullmatch(name):
            raise ValueError(
                f"cameras must be names of letters, digits and _, no digit first, not {name!r}"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"cameras must differ, {', '.join(twice)} is there twice")
    if len(names) > MAX_CAMERAS:
        raise ValueError(f"cameras must be {MAX_CAMERAS} at most, not {len(names)}")


@dataclass(frozen=True)
class NodeConfig(SpadeRunConfig, DeltaConfig, PictureConfig, PipelineConfig):
    """How the node listens and draws, on top of how the pipeline works.

    Raises:
        ValueError: a value outside its range or choices.
    """

    camera: str = described(
        "",
        "stable name of the camera, copied into every graph; empty for a single camera",
        fixed=True,
    )
    cameras: tuple[str, ...] = described(
        (),
        "names of several cameras that share the model in turn: front listens to front/image "
        "and publishes front/scene_graph, as a separate node in that namespace would; empty for "
        "one camera",
        check=check_cameras,
        fixed=True,
    )
    image_transport: str = described(
        "raw",
        "how images arrive: raw (sensor_msgs/Image on the image topic) or compressed "
        "(CompressedImage on the image topic with /compressed appended)",
        choices=("raw", "compressed"),
        fixed=True,
    )
    image_reliability: str = described(
        "match",
        "QoS reliability requested from the camera: match (whatever the camera offers), "
        "best_effort (works with every camera, but may lose large images) or reliable (works "
        "with reliable cameras only)",
        choices=("match", "best_effort", "reliable"),
        fixed=True,
    )
    lazy: bool = described(
        True,
        "subscribe to the camera only while somebody subscribes to the graph or a picture, or "
        "has just called a service; false: stay subscribed, which saves the first subscriber "
        "about 0.1 s",
    )
    max_rate: float = described(
        0.0,
        "process at most this many images per second on average, and skip the others; 0: as "
        "many as the model manages, the newest first",
        minimum=0.0,
        maximum=1000.0,
    )
    deadline_ms: float = described(
        0.0,
        "milliseconds from the arrival of an image to its graph; if most graphs take longer, "
        "less is done: first only the 8 best segments are related, then only one image in 5 is "
        "processed and tracks stand in for the others; quality in every graph says so; 0: no "
        "deadline",
        minimum=0.0,
        maximum=60_000.0,
    )
    silence_s: float = described(
        5.0,
        "seconds without an image until the log lists the publishers; each further wait is "
        "twice as long; 0: never",
        minimum=0.0,
        maximum=3600.0,
        fixed=True,
    )
    depth_transport: str = described(
        "raw",
        "how depth arrives: raw (sensor_msgs/Image on the depth topic) or compressedDepth "
        "(CompressedImage on the depth topic with /compressedDepth appended)",
        choices=("raw", "compressedDepth"),
        fixed=True,
    )
    depth_slop_s: float = described(
        0.02,
        "how many seconds the stamps of an image and its depth may differ",
        minimum=0.0,
        maximum=1.0,
    )
    depth_wait_s: float = described(
        0.05,
        "seconds after the arrival of an image that its graph waits for the depth, while the "
        "network runs",
        minimum=0.0,
        maximum=1.0,
    )
    max_depth_m: float = described(
        20.0,
        "treat depth beyond this many metres as not measured",
        minimum=0.1,
        maximum=10_000.0,
    )
    rectified_images: bool = described(
        False, "the images are rectified: use P of camera_info instead of K and D"
    )
    spatial_frame_id: str = described(
        "",
        "coordinate frame of positions and sizes, such as base_link, odom or map, transformed "
        "at the image's stamp; empty: the camera's own frame, which needs no transform",
        fixed=True,
    )
    gravity_frame_id: str = described(
        "",
        "coordinate frame whose z axis points up, for relations such as on and over; empty: "
        "spatial_frame_id, unless that is an optical frame",
        fixed=True,
    )
    camera_up: str = described(
        "",
        "up direction in the camera's optical frame (right, down, away), such as '0 -1 0' for a "
        "level camera, if no transform provides it; empty: from the transform, or from the "
        "ground in view",
        check=parse_direction,
    )
    tf_tolerance_s: float = described(
        0.1,
        "how many seconds an image may be newer than the newest transform, which is then used "
        "as it is",
        minimum=0.0,
        maximum=10.0,
    )
    segmentation_size: str = described(
        "frame",
        "size of the label image on ~/segmentation: frame (as the camera's image) or model "
        "(scaled down to the network input, which loses no detail that the network has seen)",
        choices=("frame", "model"),
    )
    annotated_image: bool = described(
        True,
        "offer the annotated image on ~/annotated_image (drawn only while somebody subscribes)",
    )
    annotated_relations: int = described(
        10,
        "show at most this many relations in the annotated image and the markers, best first",
        minimum=0,
        maximum=1000,
    )
    jpeg_quality: int = described(
        85, "JPEG quality of ~/annotated_image/compressed", minimum=1, maximum=100
    )
    snapshot_folder: str = described(
        "",
        "where ~/snapshot writes, one folder per snapshot; empty: psg_ros/snapshots in ROS_HOME "
        "(~/.ros)",
    )
    snapshot_limit: int = described(
        100,
        "keep at most this many snapshots in that folder; then ~/snapshot refuses",
        minimum=0,
        maximum=100_000,
    )
    autostart: bool = described(
        True, "load the model and start at once; false: wait for lifecycle requests", fixed=True
    )
    build_only: bool = described(
        False,
        "compile the model's networks (such as TensorRT engines), keep them for the next start, "
        "and exit",
        fixed=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.camera and self.cameras:
            raise ValueError(
                "camera names the only one; with cameras each graph carries the name from that "
                "list: leave camera empty"
            )

    def of_each_camera(self) -> dict[str, NodeConfig]:
        """Return the configuration of each camera by what its topics begin with.

        That is its name, or nothing where there is only one.
        """
        if not self.cameras:
            return {"": self}
        return {name: dataclasses.replace(self, camera=name, cameras=()) for name in self.cameras}


@dataclass(frozen=True)
class NodeParameter:
    """One row of the parameter table, see `described`.

    `kind` is bool, int, float, str, or tuple for a list: of numbers where the default has some, of
    texts where it is empty. `minimum` and `maximum` are None where there is no range.
    """

    name: str
    kind: type
    default: Any
    text: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    fixed: bool
    from_model: bool


def node_parameters() -> tuple[NodeParameter, ...]:
    """Return all parameters of the node, pipeline first, in the order of their declaration."""
    kinds = get_type_hints(NodeConfig)
    return tuple(
        NodeParameter(
            field.name,
            get_origin(kinds[field.name]) or kinds[field.name],
            field.default,
            text=field.metadata["text"],
            minimum=field.metadata["minimum"],
            maximum=field.metadata["maximum"],
            choices=choices_of(field),
            fixed=field.metadata["fixed"],
            from_model=field.metadata["from_model"],
        )
        for field in dataclasses.fields(NodeConfig)
    )


def check_parameter_names(names: Iterable[str]) -> None:
    """Refuse parameters that the node does not have.

    A ROS node ignores a value for an undeclared parameter in silence, so a typing error would look
    like a setting without effect.

    Raises:
        ValueError: names every unknown parameter and the nearest known one.
    """
    known = [parameter.name for parameter in node_parameters()]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"unknown parameter {', '.join(_with_hint(n, known) for n in unknown)}")


def canonical_choice(value: Any, choices: Sequence[str]) -> Any:
    """Return a choice as it is spelled in the table: Raw and RAW are raw; else the value itself."""
    spelled = {choice.lower(): choice for choice in choices}
    return spelled.get(value.strip().lower(), value) if isinstance(value, str) else value


def canonical_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of parameters as the configuration wants them.

    Choices are spelled as in the table. Lists become tuples without empty texts: ROS cannot tell
    of which type an empty list is, so [""] stands for it.
    """
    table = {parameter.name: parameter for parameter in node_parameters()}
    return {
        name: tuple(item for item in value if item != "")
        if table[name].kind is tuple
        else canonical_choice(value, table[name].choices)
        for name, value in values.items()
    }


def near_parameter(name: str, closeness: float = 0.6) -> str:
    """Return the name of the parameter that a misspelled one is nearest to; "" if none is near."""
    known = [parameter.name for parameter in node_parameters()]
    return "".join(difflib.get_close_matches(name, known, n=1, cutoff=closeness))


def _with_hint(name: str, known: list[str]) -> str:
    near = near_parameter(name)
    hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
    return f"{name!r} ({hint})"
