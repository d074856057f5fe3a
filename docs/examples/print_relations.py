# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Print every relation that the node publishes on scene_graph; Ctrl-C ends."""

import rclpy
from rclpy.executors import ExternalShutdownException

from psg_ros.msg import SceneGraph


def on_graph(graph: SceneGraph) -> None:
    names = {node.id: f"{node.class_name} #{node.id}" for node in graph.nodes}
    for relation in graph.relations:
        subject, other = names[relation.subject_id], names[relation.object_id]
        # The probability is NaN for a model without a calibration; its relations have scores only.
        print(f"{subject} {relation.predicate_name} {other}  {relation.probability:.2f}")


rclpy.init()
node = rclpy.create_node("print_relations")
# Depth 1: whoever is slower than the camera then acts on the newest graph, never on a queue of old
# ones. Only who counts or records wants every graph, and a deeper queue.
node.create_subscription(SceneGraph, "scene_graph", on_graph, 1)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    node.destroy_node()
    rclpy.try_shutdown()
