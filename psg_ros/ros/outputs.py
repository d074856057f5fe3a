# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Outputs: the publishers of one camera, and the one place that knows whether anybody listens."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage, Image

from psg_ros.node_config import NodeConfig
from psg_ros.ros.finished_frame import FinishedFrame
from psg_ros.ros.graph_deltas import GraphDeltas
from psg_ros.ros.markers import Markers
from psg_ros.ros.products import PRODUCTS
from psg_ros.ros.qos_overrides import publisher_options
from psg_ros.ros.start import GRAPH_TOPIC, VOCABULARY_TOPIC, camera_topic
from psg_ros.ros.topics import OUTPUTS
from psg_ros.scene_graph import Quality

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks

IMAGES = (Image, CompressedImage)

TELLS_MATCHES = "matched" in inspect.signature(PublisherEventCallbacks).parameters
"""Whether a publisher tells when listeners come and go; not in Humble."""


class Outputs:
    """Lifecycle publishers: what is published while the node is not active is dropped.

    Made and destroyed by the executor's thread while the worker is paused, used by the worker.

    Args:
        camera: name of one of several cameras; "" for the only one.
        on_match: called, in the executor's thread, when listeners come and go, where ROS tells.
    """

    def __init__(
        self, node: LifecycleNode, camera: str = "", on_match: Callable[[], None] = lambda: None
    ) -> None:
        self._node, self._camera = node, camera
        self._events: dict[str, Any] = {"matched": lambda _: on_match()} if TELLS_MATCHES else {}
        self._publishers = {topic: self._publisher(topic) for topic in OUTPUTS}
        self.graph = self._publishers[GRAPH_TOPIC]
        self.vocabulary = self._publishers[VOCABULARY_TOPIC]
        self._products = [product() for product in PRODUCTS]
        self.deltas = next(p for p in self._products if isinstance(p, GraphDeltas))

    def take_leave(self) -> None:
        """Have viewers show nothing that will not be brought up to date; while still active."""
        for product in self._products:
            if isinstance(product, Markers) and (message := product.farewell()) is not None:
                self._publishers[product.TOPIC].publish(message)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def are_wanted(self, config: NodeConfig) -> bool:
        """Whether anybody listens to something that is made of images."""
        topics = [GRAPH_TOPIC, *(p.TOPIC for p in self._products if p.is_offered(config))]
        return any(is_wanted(self._publishers[topic]) for topic in topics)

    def publish_products(self, finished: FinishedFrame) -> None:
        """Make and publish what somebody listens to beside the graph. In the worker's thread.

        Of a stale graph no image is made: nobody looked at its pixels.
        """
        stale = finished.graph.quality == Quality.STALE
        for product in self._products:
            if stale and OUTPUTS[product.TOPIC].kind in IMAGES:
                continue
            publisher = self._publishers[product.TOPIC]
            if not (product.is_offered(finished.config) and is_wanted(publisher)):
                continue
            message = product.message(finished)
            if message is not None:
                publisher.publish(message)

    def _publisher(self, topic: str) -> Any:
        kind, qos = OUTPUTS[topic]
        # rclpy writes overrides into the profile that it is given.
        return self._node.create_lifecycle_publisher(
            kind,
            camera_topic(topic, self._camera, self._node.get_name()),
            copy.copy(qos),
            event_callbacks=PublisherEventCallbacks(**self._events),
            qos_overriding_options=publisher_options(),
        )


def is_wanted(publisher: Any) -> bool:
    """Whether anybody listens, so that the message is worth making."""
    return publisher.get_subscription_count() > 0
