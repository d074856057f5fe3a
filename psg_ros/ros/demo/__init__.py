# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration: camera, node and an independent subscriber as processes that talk over ROS 2.

`session` starts them and is free of rclpy; `camera` and `watcher` are two of the processes.
"""
