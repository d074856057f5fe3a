# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration's depth is understood by the node as it was meant."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from std_msgs.msg import Header

from psg_ros.frame import Camera
from psg_ros.pictures.depth_image import decode_depth
from psg_ros.ros.camera_model import camera_of
from psg_ros.ros.conversions import depth_to_msg
from psg_ros.ros.demo.depth_output import camera_info_of
from psg_ros.ros.demo.session import CAMERA_TOPIC, DEMO_DEPTH_TOPIC
from psg_ros.ros.start import node_command

CAMERAS = (
    Camera((480, 640), (600.0, 610.0), (319.5, 239.5)),
    Camera((480, 640), (600.0, 610.0), (319.5, 239.5), "plumb_bob", (0.1, 0.0, 0.0, 0.0, 0.2)),
    Camera((480, 640), (300.0, 300.0), (319.5, 239.5), "equidistant", (0.1, 0.0, 0.0, 0.0)),
)


@pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.distortion_model)
def test_a_camera_goes_there_and_back(camera):
    info = camera_info_of(camera, Header(frame_id="eye"))
    assert camera_of(info, camera.image_hw) == camera and info.header.frame_id == "eye"


def test_depth_goes_there_and_back():
    metres = np.linspace(0.1, 9, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(decode_depth(depth_to_msg(metres, Header())), metres)


def test_camera_and_node_of_the_demonstration_meet_on_the_same_topics():
    command = node_command(image_topic=CAMERA_TOPIC, depth_topic=DEMO_DEPTH_TOPIC)
    folder = CAMERA_TOPIC.rpartition("/")[0]
    assert f"depth:={folder}/depth" in command
    assert f"camera_info:={folder}/camera_info" in command
