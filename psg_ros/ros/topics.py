# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one list of what the node publishes: type and quality of service by topic.

The names lie in `psg_ros.ros.start`, because launch file and command line need them without rclpy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from psg_ros.msg import GraphDelta, GraphVocabulary, SceneGraph
from psg_ros.ros.start import (
    ANNOTATED_TOPIC,
    COMPRESSED_SUFFIX,
    DELTA_TOPIC,
    GRAPH_TOPIC,
    LABEL_INFO_TOPIC,
    MARKERS_TOPIC,
    SEGMENTATION_TOPIC,
    VOCABULARY_TOPIC,
)

try:
    from visualization_msgs.msg import MarkerArray
except ImportError:
    MarkerArray = None
try:
    from vision_msgs.msg import LabelInfo
except ImportError:
    LabelInfo = None

GRAPH_QOS = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.RELIABLE)
# One that gets lost costs its consumer the time to the next keyframe.
DELTA_QOS = QoSProfile(depth=50, reliability=QoSReliabilityPolicy.RELIABLE)
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
    DELTA_TOPIC: Output(GraphDelta, DELTA_QOS),
    ANNOTATED_TOPIC: Output(Image, IMAGE_QOS),
    ANNOTATED_TOPIC + COMPRESSED_SUFFIX: Output(CompressedImage, IMAGE_QOS),
    SEGMENTATION_TOPIC: Output(Image, IMAGE_QOS),
    SEGMENTATION_TOPIC + COMPRESSED_SUFFIX: Output(CompressedImage, IMAGE_QOS),
    VOCABULARY_TOPIC: Output(GraphVocabulary, LATCHED_QOS),
}

OPTIONAL = {
    MARKERS_TOPIC: ("visualization_msgs", MarkerArray),
    LABEL_INFO_TOPIC: ("vision_msgs", LabelInfo),
}
"""Topics that need messages which not every installation has -> their package and class."""

NOT_OFFERED = {topic: package for topic, (package, kind) in OPTIONAL.items() if kind is None}
OUTPUTS |= {t: Output(kind, GRAPH_QOS) for t, (_, kind) in OPTIONAL.items() if kind is not None}
