# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NodeConfig: every ROS parameter of the scene graph node, with its default, text and range.

It extends `PipelineConfig` and `PictureConfig`, so their settings are parameters of the same name
and one object configures all. Free of rclpy: the launch file and the command line read the same
table.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from psg_ros.config import PictureConfig, PipelineConfig, choices_of, described


@dataclass(frozen=True)
class NodeConfig(PictureConfig, PipelineConfig):
    """How the node listens and draws, on top of how the pipeline works.

    Raises:
        ValueError: a value outside its range or choices.
    """

    camera: str = described(
        "",
        "stable name of the camera, copied into every graph; empty for a single camera",
        fixed=True,
    )
    image_transport: str = described(
        "raw",
        "how images arrive: raw as sensor_msgs/Image on the image topic, compressed as "
        "CompressedImage on the topic of that name with /compressed after it",
        choices=("raw", "compressed"),
        fixed=True,
    )
    image_reliability: str = described(
        "match",
        "reliability asked of the image publisher: match takes what the publisher offers, "
        "best_effort hears every publisher but may lose large images, reliable hears only reliable "
        "ones",
        choices=("match", "best_effort", "reliable"),
        fixed=True,
    )
    silence_s: float = described(
        5.0,
        "seconds without an image after which the log lists the publishers; each further "
        "wait is twice as long; 0: never",
        minimum=0.0,
        maximum=3600.0,
        fixed=True,
    )
    annotated_image: bool = described(
        True, "offer the drawn image on ~/annotated_image (drawn only while somebody listens)"
    )
    annotated_relations: int = described(
        10, "at most this many relations in the drawn image, best first", minimum=0, maximum=1000
    )
    autostart: bool = described(
        True, "load the model and start at once; false waits for lifecycle requests", fixed=True
    )


@dataclass(frozen=True)
class NodeParameter:
    """One row of the parameter table, see `described`.

    `minimum` and `maximum` are None where there is no range.
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
            kinds[field.name],
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
    """Return values of parameters with their choices as spelled in the table."""
    choices = {parameter.name: parameter.choices for parameter in node_parameters()}
    return {name: canonical_choice(value, choices[name]) for name, value in values.items()}


def near_parameter(name: str, closeness: float = 0.6) -> str:
    """Return the name of the parameter that a misspelled one is nearest to; "" if none is near."""
    known = [parameter.name for parameter in node_parameters()]
    return "".join(difflib.get_close_matches(name, known, n=1, cutoff=closeness))


def _with_hint(name: str, known: list[str]) -> str:
    near = near_parameter(name)
    hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
    return f"{name!r} ({hint})"
