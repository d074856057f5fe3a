# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Wait until something holds: wait_for_relation.py SUBJECT PREDICATE OBJECT, each "" for any."""

import sys

import rclpy

from psg_ros.ros.client import SceneSubscriber

rclpy.init()
scene = SceneSubscriber(rclpy.create_node("wait_for_relation"))
found = scene.wait_until(lambda graph: graph.holds(*sys.argv[1:4]), timeout_s=60.0)
print(f"yes, {scene.age():.2f} s ago" if found else "not within a minute")
rclpy.shutdown()
