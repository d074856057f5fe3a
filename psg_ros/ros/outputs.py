# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs: the publishers of the node."""

from __future__ import annotations

import copy
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.ros.qos_overrides import publisher_options
from psg_ros.ros.start import ANNOTATED_TOPIC, GRAPH_TOPIC, SEGMENTATION_TOPIC, VOCABULARY_TOPIC

GRAPH_QOS = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.RELIABLE)
IMAGE_QOS = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(
    depth=1,
    reliability=QoSReliabilityPolicy.RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)


class Outputs:
    """Lifecycle publishers: what is published while the node is not active is dropped.

    Made and destroyed by the executor's thread while the worker is paused, used by the worker.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self.graph = self._publisher(SceneGraph, GRAPH_TOPIC, GRAPH_QOS)
        self.segmentation = self._publisher(Image, SEGMENTATION_TOPIC, IMAGE_QOS)
        self.annotated = self._publisher(Image, ANNOTATED_TOPIC, IMAGE_QOS)
        self.vocabulary = self._publisher(GraphVocabulary, VOCABULARY_TOPIC, LATCHED_QOS)

    def close(self) -> None:
        """Take the topics back."""
        for publisher in (self.graph, self.segmentation, self.annotated, self.vocabulary):
            self._node.destroy_lifecycle_publisher(publisher)

    def need_images(self, *, annotated: bool) -> bool:
        """Whether anybody listens to something that is made of images.

        Args:
            annotated: whether the drawn image is offered.
        """
        offered = [self.graph, self.segmentation, *([self.annotated] if annotated else [])]
        return any(is_wanted(publisher) for publisher in offered)

    def _publisher(self, kind: type, topic: str, qos: QoSProfile) -> Any:
        # rclpy writes overrides into the profile that it is given.
        return self._node.create_lifecycle_publisher(
            kind, topic, copy.copy(qos), qos_overriding_options=publisher_options()
        )


def is_wanted(publisher: Any) -> bool:
    """Whether anybody listens, so that the message is worth making."""
    return publisher.get_subscription_count() > 0
