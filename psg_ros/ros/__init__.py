# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 side. Imports nothing by itself: `start` is used where rclpy is not installed."""
