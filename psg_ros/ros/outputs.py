# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs: the publishers of the node."""

from __future__ import annotations

import copy
from typing import Any

from rclpy.lifecycle import LifecycleNode

from psg_ros.ros.qos_overrides import publisher_options
from psg_ros.ros.start import ANNOTATED_TOPIC, GRAPH_TOPIC, SEGMENTATION_TOPIC, VOCABULARY_TOPIC
from psg_ros.ros.topics import OUTPUTS


class Outputs:
    """Lifecycle publishers: what is published while the node is not active is dropped.

    Made and destroyed by the executor's thread while the worker is paused, used by the worker.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._publishers = {topic: self._publisher(topic) for topic in OUTPUTS}
        self.graph = self._publishers[GRAPH_TOPIC]
        self.segmentation = self._publishers[SEGMENTATION_TOPIC]
        self.annotated = self._publishers[ANNOTATED_TOPIC]
        self.vocabulary = self._publishers[VOCABULARY_TOPIC]

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def need_images(self, *, annotated: bool) -> bool:
        """Whether anybody listens to something that is made of images.

        Args:
            annotated: whether the drawn image is offered.
        """
        offered = [self.graph, self.segmentation, *([self.annotated] if annotated else [])]
        return any(is_wanted(publisher) for publisher in offered)

    def _publisher(self, topic: str) -> Any:
        kind, qos = OUTPUTS[topic]
        # rclpy writes overrides into the profile that it is given.
        return self._node.create_lifecycle_publisher(
            kind, topic, copy.copy(qos), qos_overriding_options=publisher_options()
        )


def is_wanted(publisher: Any) -> bool:
    """Whether anybody listens, so that the message is worth making."""
    return publisher.get_subscription_count() > 0
