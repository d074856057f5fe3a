# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our results as messages of rclpy: `psg_ros.graph_messages` with the generated classes."""

from __future__ import annotations

from psg_ros.graph_messages import (
    MAX_SEC,
    MAX_SEGMENTS,
    NANOSECONDS,
    FrameCounts,
    MessageFactory,
    time_to_ns,
)
from psg_ros.ros import message_types

__all__ = [
    "MAX_SEC",
    "MAX_SEGMENTS",
    "NANOSECONDS",
    "FrameCounts",
    "delta_to_msg",
    "depth_to_msg",
    "ns_to_time",
    "rgb_to_msg",
    "scene_graph_to_msg",
    "segmentation_to_msg",
    "time_to_ns",
    "timing_to_msg",
    "vocabulary_to_msg",
]

_FACTORY = MessageFactory(message_types)
ns_to_time = _FACTORY.time
scene_graph_to_msg = _FACTORY.scene_graph
timing_to_msg = _FACTORY.timing
vocabulary_to_msg = _FACTORY.vocabulary
delta_to_msg = _FACTORY.delta
segmentation_to_msg = _FACTORY.segmentation
rgb_to_msg = _FACTORY.rgb
depth_to_msg = _FACTORY.depth
