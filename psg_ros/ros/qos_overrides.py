# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""QoS overrides: the quality of service of every topic as ROS parameters, under ROS' own names.

Such a name is `qos_overrides.TOPIC.ENDPOINT.POLICY` with the full name of the topic, `publisher` or
`subscription`, and one of `POLICIES`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSPolicyKind, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from psg_ros.node_config import CAMERA_NAME
from psg_ros.ros.start import (
    CAMERA_INFO_TOPIC,
    DEPTH_SUFFIXES,
    DEPTH_TOPIC,
    IMAGE_SUFFIXES,
    IMAGE_TOPIC,
    camera_topic,
)
from psg_ros.ros.topics import OUTPUTS

PREFIX = "qos_overrides."
POLICIES = ("history", "depth", "reliability")
CHOICES = {
    policy: [choice.name.lower() for choice in kind if choice.name != "UNKNOWN"]
    for policy, kind in (("history", HistoryPolicy), ("reliability", ReliabilityPolicy))
}
"""Values of the policies that are not numbers."""


def parameter_name(topic: str, endpoint: str, policy: str) -> str:
    """Return the parameter for one policy of an endpoint: `publisher` or `subscription`."""
    return f"{PREFIX}{topic}.{endpoint}.{policy}"


def publisher_options() -> QoSOverridingOptions:
    """Return what lets a publisher be overridden."""
    return QoSOverridingOptions([QoSPolicyKind[policy.upper()] for policy in POLICIES])


def subscription_options(*, reliability: bool) -> QoSOverridingOptions:
    """Return what lets a subscription be overridden.

    Args:
        reliability: whether its reliability was given. When it was not, rclpy must not see it: it
            would keep that of the first subscription for all that follow.
    """
    policies = [policy for policy in POLICIES if reliability or policy != "reliability"]
    return QoSOverridingOptions([QoSPolicyKind[policy.upper()] for policy in policies])


def check(node: Node, given: Mapping[str, Any]) -> None:
    """Refuse overrides that would have no effect or no meaning.

    Args:
        given: parameters that begin with `PREFIX`, and their values.

    Raises:
        ValueError: an unknown topic or policy (with the nearest known one), or a wrong value.
    """
    known = known_names(node)
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise ValueError(f"unknown parameter {name!r} (did you mean {near[0]!r}?)")
        _check_value(name, value)


def known_names(node: Node) -> list[str]:
    """Return the parameters for all policies of all endpoints that the node has or may have."""
    return [
        parameter_name(topic, endpoint, policy)
        for topic, endpoint in _endpoints(node)
        for policy in POLICIES
    ]


def _endpoints(node: Node) -> list[tuple[str, str]]:
    # Names that are refused later would make no topics.
    names = [name for name in node.get_parameter("cameras").value if CAMERA_NAME.fullmatch(name)]
    cameras = names or [""]
    return [endpoint for camera in cameras for endpoint in _endpoints_of(node, camera)]


def _endpoints_of(node: Node, camera: str) -> Iterator[tuple[str, str]]:
    """Yield full topic and endpoint of what one camera has, "" for the only one."""

    def full(topic: str) -> str:
        return node.resolve_topic_name(camera_topic(topic, camera, node.get_name()))

    # All transports, though one is in use: a file may serve either.
    inputs = [full(IMAGE_TOPIC) + suffix for suffix in IMAGE_SUFFIXES.values()]
    inputs += [full(DEPTH_TOPIC) + suffix for suffix in DEPTH_SUFFIXES.values()]
    for topic in [*inputs, full(CAMERA_INFO_TOPIC)]:
        yield topic, "subscription"
    for topic in OUTPUTS:
        yield full(topic), "publisher"


def _check_value(name: str, value: object) -> None:
    choices = CHOICES.get(name.rpartition(".")[2])
    if choices is None:
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be an integer from 1, not {value!r}")
    elif not isinstance(value, str) or value.lower() not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
