# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Program `round_trip.py publish|receive`: send a filled SceneGraph or wait for one; print it."""

import math
import sys
import time

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node

import psg_ros
from psg_ros.msg import PipelineTiming, SceneGraph, SceneNode, SceneRelation

TIMEOUT_S = 60.0


def filled_graph() -> SceneGraph:
    """A graph in which no field of any message keeps its default."""
    cup = SceneNode(id=7, segment_id=2, class_id=41, class_name="cup", is_thing=True, score=0.75)
    cup.track_state = SceneNode.TRACK_CONFIRMED
    cup.first_seen.sec = 11
    cup.bbox.x_offset, cup.bbox.y_offset, cup.bbox.width, cup.bbox.height = 1, 2, 30, 40
    cup.centroid_x, cup.centroid_y, cup.area_px, cup.truncated = 16.5, 22.25, 900, True
    cup.has_position, cup.position.z, cup.size.x = True, 1.5, 0.125
    cup.position_covariance = [0.25 * i for i in range(9)]
    on = SceneRelation(subject_id=7, object_id=9, predicate_id=1, predicate_name="on", score=0.5)
    on.probability, on.state, on.source = math.nan, SceneRelation.STATE_FADING, 1
    on.since.nanosec = 5
    graph = SceneGraph(sequence=2**40, camera="left", vocabulary_version=3, quality=2)
    graph.header.stamp.sec, graph.header.frame_id = 12, "left_optical_frame"
    graph.image_width, graph.image_height, graph.spatial_frame_id = 640, 480, "map"
    graph.nodes, graph.relations = [cup, SceneNode(id=9)], [on]
    graph.timing = PipelineTiming(preprocess_ms=1.5, inference_ms=20.5, dropped_frames=4)
    return graph


def publish(node: Node) -> SceneGraph:
    graph = filled_graph()
    publisher = node.create_publisher(SceneGraph, "scene_graph", 10)
    wait(lambda: publisher.get_subscription_count() > 0, "a subscriber")
    publisher.publish(graph)
    if not publisher.wait_for_all_acked(Duration(seconds=TIMEOUT_S)):
        raise TimeoutError("the subscriber did not acknowledge the graph")
    return graph


def receive(node: Node) -> SceneGraph:
    received: list[SceneGraph] = []
    node.create_subscription(SceneGraph, "scene_graph", received.append, 10)

    def spin() -> bool:
        rclpy.spin_once(node, timeout_sec=0.1)
        return bool(received)

    wait(spin, "a graph")
    return received[0]


def wait(condition, what: str) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.02)


def main(role: str) -> None:
    with rclpy.init():
        node = rclpy.create_node(role)
        graph = publish(node) if role == "publish" else receive(node)
        print(psg_ros.__file__)
        print(graph)
        node.destroy_node()


if __name__ == "__main__":
    main(sys.argv[1])
