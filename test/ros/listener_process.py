# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A subscriber as a process: writes one line for every message it hears on the named topics."""

import json
import sys
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from stop_signal import stop_on_signals

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.ros.process import prepare_process

NODE = "/scene_graph_node"
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


def describe_graph(message):
    return {
        "sequence": message.sequence,
        "schema": message.schema_version,
        "camera": message.camera,
        "version": message.vocabulary_version,
        "size": [message.image_width, message.image_height],
        "nodes": [
            [n.id, n.segment_id, n.class_name, n.area_px, n.track_state] for n in message.nodes
        ],
        "first_seen": [[n.first_seen.sec, n.first_seen.nanosec] for n in message.nodes],
        "relations": [
            [r.subject_id, r.predicate_name, r.object_id, r.score] for r in message.relations
        ],
        "calibrated": [r.probability == r.probability for r in message.relations],
        "dropped": message.timing.dropped_frames,
        "received_frames": message.timing.received_frames,
        "failed": message.timing.failed_frames,
        "skipped": message.timing.skipped_frames,
        "lost": message.timing.lost_frames,
        "inference_ms": message.timing.inference_ms,
        "received": seconds(message.timing.received),
        "published": seconds(message.timing.published),
    }


def describe_image(message):
    values, counts = np.unique(np.frombuffer(message.data, np.uint8), return_counts=True)
    return {
        "encoding": message.encoding,
        "size": [message.width, message.height],
        "counts": dict(zip(values.tolist(), counts.tolist(), strict=True))
        if len(values) < 20
        else {},
    }


def describe_vocabulary(message):
    return {
        "version": message.version,
        "model": message.model_name,
        "sha256": message.model_sha256,
        "classes": [[c.id, c.name, c.is_thing, c.color.tolist()] for c in message.classes],
        "predicates": [
            [p.id, p.name, p.inverse_name, p.symmetric, p.threshold] for p in message.predicates
        ],
    }


TOPICS = {
    "graph": (SceneGraph, "/scene_graph", 5, describe_graph),
    "segmentation": (Image, f"{NODE}/segmentation", 5, describe_image),
    "annotated": (Image, f"{NODE}/annotated_image", 5, describe_image),
    "vocabulary": (GraphVocabulary, f"{NODE}/vocabulary", LATCHED, describe_vocabulary),
}


def seconds(stamp):
    return stamp.sec + stamp.nanosec * 1e-9


def writer(topic, describe):
    def write(message):
        header = message.header
        line = {
            "topic": topic,
            "stamp": [header.stamp.sec, header.stamp.nanosec],
            "frame": header.frame_id,
            "heard": time.time(),
            **describe(message),
        }
        print(json.dumps(line), flush=True)

    return write


def main(topics):
    stop = stop_on_signals()
    prepare_process()
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    node, executor = rclpy.create_node("listener"), SingleThreadedExecutor()
    for topic in topics:
        kind, name, qos, describe = TOPICS[topic]
        node.create_subscription(kind, name, writer(topic, describe), qos)
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
