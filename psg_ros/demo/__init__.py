# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration: camera, node and an independent subscriber as processes that talk over ROS 2.

Free of rclpy: camera and subscriber are psg_ros.ros.demo_camera and psg_ros.ros.demo_watcher.
"""
