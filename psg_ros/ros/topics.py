# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one list of what the node publishes: type and quality of service by topic.

The names lie in `psg_ros.ros.start`, because launch file and command line need them without rclpy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.ros.start import ANNOTATED_TOPIC, GRAPH_TOPIC, SEGMENTATION_TOPIC, VOCABULARY_TOPIC

GRAPH_QOS = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.RELIABLE)
IMAGE_QOS = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(
    depth=1,
    reliability=QoSReliabilityPolicy.RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)


class Output(NamedTuple):
    """A topic that the node publishes: class of its messages, quality of service."""

    kind: Any
    qos: QoSProfile


OUTPUTS = {
    GRAPH_TOPIC: Output(SceneGraph, GRAPH_QOS),
    ANNOTATED_TOPIC: Output(Image, IMAGE_QOS),
    SEGMENTATION_TOPIC: Output(Image, IMAGE_QOS),
    VOCABULARY_TOPIC: Output(GraphVocabulary, LATCHED_QOS),
}
