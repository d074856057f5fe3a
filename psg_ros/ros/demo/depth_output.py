# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth and intrinsics of the demonstration's camera, on topics beside its image."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from psg_ros.frame import Camera
from psg_ros.ros.conversions import depth_to_msg
from psg_ros.ros.start import CAMERA_INFO_TOPIC, DEPTH_TOPIC

QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)


class DepthOutput:
    """Publishes what somebody listens to."""

    def __init__(self, node: Node, image_topic: str) -> None:
        folder = image_topic.rpartition("/")[0]
        self._depth = node.create_publisher(Image, f"{folder}/{DEPTH_TOPIC}", QOS)
        self._info = node.create_publisher(CameraInfo, f"{folder}/{CAMERA_INFO_TOPIC}", QOS)

    def publish(self, depth: np.ndarray, camera: Camera, header: Header) -> None:
        """Publish with the header of the image.

        Args:
            depth: float32 [height, width], metres.
        """
        if self._info.get_subscription_count():
            self._info.publish(camera_info_of(camera, header))
        if self._depth.get_subscription_count():
            self._depth.publish(depth_to_msg(depth, header))


def camera_info_of(camera: Camera, header: Header) -> CameraInfo:
    """Return the message that `camera_of` reads as this camera."""
    (fx, fy), (cx, cy) = camera.focal_xy, camera.center_xy
    height, width = camera.image_hw
    return CameraInfo(
        header=header,
        height=height,
        width=width,
        distortion_model=camera.distortion_model,
        d=list(camera.distortion),
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )
