# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ImageOffer: who publishes on an image topic, how, and where else images are; asked of ROS."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from psg_ros.quoting import counted, plain


class ImageOffer:
    """What is on offer on a topic. Needs no subscription to it.

    Args:
        topic: its full name.
        message_type: class of the messages that the node understands there.
    """

    def __init__(self, node: Node, topic: str, message_type: type) -> None:
        self._node, self._topic = node, topic
        self._kind = f"sensor_msgs/msg/{message_type.__name__}"

    def publishers(self) -> list[Any]:
        """Return ROS' account of all publishers, those of another type included."""
        return self._node.get_publishers_info_by_topic(self._topic)

    def reliabilities(self) -> set[ReliabilityPolicy]:
        """Return what the publishers offer; those of another type never come through."""
        return {
            publisher.qos_profile.reliability
            for publisher in self.publishers()
            if publisher.topic_type == self._kind
        }

    def describe(self) -> str:
        """Return how many publishers there are, and of each its name and quality of service."""
        offers = [self._describe_one(info) for info in self.publishers()]
        listed = f" ({'; '.join(offers)})" if offers else ""
        return f"{self._topic} has {counted(len(offers), 'publisher')}{listed}"

    def describe_elsewhere(self) -> str:
        """Return which other topics have images of this type, or nothing."""
        ours = {self._topic, *(publisher.topic_name for publisher in self._node.publishers)}
        found = sorted(
            plain(name)
            for name, kinds in self._node.get_topic_names_and_types()
            if self._kind in kinds and name not in ours and self._node.count_publishers(name)
        )
        return f"; images of this type are on {', '.join(found)}" if found else ""

    def _describe_one(self, info: Any) -> str:
        qos = info.qos_profile
        text = f"{_name(info)}: {qos.reliability.name.lower()}, {qos.durability.name.lower()}"
        other = info.topic_type != self._kind
        return f"{text}, of another type, {plain(info.topic_type)}" if other else text


def _name(info: Any) -> str:
    # Discovery tells of a publisher a moment before it tells whose it is.
    return "unnamed node" if info.node_name == "_NODE_NAME_UNKNOWN_" else plain(info.node_name)
