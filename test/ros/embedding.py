# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Embedding: the node inside a program of somebody else, with a camera and listeners beside it."""

import copy
import gc
import itertools
import threading
import time
from pathlib import Path

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_session import START_S
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.interest import Interest
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.space.positions import measure_positions
from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.ros.conversions import ns_to_time, rgb_to_msg, time_to_ns
from psg_ros.ros.scene_graph_node import SceneGraphNode
from psg_ros.scene_graph import SceneGraph, Segmentation

IMAGE_RGB = np.full((8, 8, 3), 200, np.uint8)
LOST_S = 1.0
"""When an image counts as one that got lost or failed, and another one is published."""


class ThingPipeline:
    """A model without networks that sees one thing all over each image; counts the images.

    The folder's name is the class it knows, so that two folders are two vocabularies.
    """

    def __init__(self, config):
        self.config, self.calls = config, 0
        self.model_name, self.backend_name = Path(config.model).name, "nothing"
        self.model_sha256, self.relation_threshold = "", 0.5
        self.device, self.precision = "cpu", "fp32"
        self.relation_source, self.takes_raw = "model", False
        thing = ObjectLabel(self.model_name, True, (255, 0, 0))
        self.vocabulary = Vocabulary((thing,), (Predicate("on"),))
        self.tracker, self.input_hw = SegmentTracker([True]), (4, 4)

    def __call__(self, frame, measure=None):
        self.calls += 1
        frame = self.frame = frame if measure is None else measure(frame)
        label_map = np.zeros(frame.image_hw, np.int32)
        segmentation = Segmentation(label_map, np.zeros(1, np.int64), np.ones(1, np.float32))
        regions = measure_regions(label_map, 1)
        followed = self.tracker.update(frame, segmentation, regions, self.config)
        positions = measure_positions(frame, segmentation) if frame.spatial_frame_id else None
        nodes = describe_nodes(segmentation, regions, self.vocabulary, followed.tracks, positions)
        return SceneGraph(segmentation, nodes, (), spatial_frame_id=frame.spatial_frame_id)

    def replace_config(self, config):
        self.config = config

    def check_config(self, config):
        Interest.of(config, self.vocabulary)

    def another_stream(self):
        other = copy.copy(self)
        other.tracker = SegmentTracker([True])
        return other

    def close(self):
        pass


class Embedding:
    """One executor of the test's own process with our node and a peer that tests speak through."""

    def __init__(self, domain_id):
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.peer = rclpy.create_node("peer", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.peer)
        self.pipelines = []
        self._nodes, self._patches = [], []

    def close(self):
        self.executor.shutdown()
        self._destroy_nodes()
        for kind, name, original in self._patches:
            setattr(kind, name, original)
        self.peer.destroy_node()
        rclpy.shutdown(context=self.context)
        # rclpy ends lifecycle services only with the object; a later test must not find them.
        gc.collect()

    def node(self, *, started=True, arguments=(), **parameters):
        """Return a node with a `ThingPipeline`; the parameters are as if given by file."""
        node = SceneGraphNode(
            self._open,
            context=self.context,
            cli_args=list(arguments),
            parameter_overrides=[Parameter(name, value=v) for name, v in parameters.items()],
        )
        self._nodes.append(node)
        self.executor.add_node(node)
        if started:
            self.start(node)
        return node

    def patch(self, kind, name, replacement):
        """Replace an attribute of a class until the test's end."""
        self._patches.append((kind, name, getattr(kind, name)))
        setattr(kind, name, replacement)

    def start(self, node):
        assert node.trigger_configure().name == "SUCCESS"
        assert node.trigger_activate().name == "SUCCESS"

    def stop(self, node):
        assert node.trigger_deactivate().name == "SUCCESS"
        assert node.trigger_cleanup().name == "SUCCESS"

    def camera(self, reliability="best_effort", topic="/image"):
        """Return a publisher of images."""
        qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[reliability.upper()])
        return self.peer.create_publisher(Image, topic, qos)

    def listen(self, kind, topic, qos=5):
        """Return a subscription and the list that gathers what it hears."""
        heard = []
        return self.peer.create_subscription(kind, topic, heard.append, qos), heard

    def _destroy_nodes(self):
        while self._nodes:
            node = self._nodes.pop()
            node._release()  # what destroy_node ought to do is under test
            node.destroy_node()

    def spin_until(self, condition, doing=lambda: None, timeout_s=START_S):
        """Spin until `condition()` is true, calling `doing` between."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, "nothing happened in time"
            doing()
            self.executor.spin_once(timeout_sec=0.02)

    def settle(self, graphs, publish):
        """Publish images one by one until the last has its graph; return how many it took.

        Nothing is on its way afterwards, and the counters of that graph hold all images.

        Args:
            publish: called with the stamp of an image, ns.
        """
        end_s = time.monotonic() + START_S
        for count in itertools.count(1):
            assert time.monotonic() < end_s, "no image was answered in time"
            stamp_ns = time.time_ns()
            publish(stamp_ns)
            lost_s = time.monotonic() + LOST_S
            while time.monotonic() < lost_s:
                if graphs and time_to_ns(graphs[-1].header.stamp) == stamp_ns:
                    return count
                self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, seconds, doing):
        """Spin for a while, calling `doing` between."""
        end_s = time.monotonic() + seconds
        self.spin_until(lambda: time.monotonic() >= end_s, doing)

    def _open(self, config):
        self.pipelines.append(ThingPipeline(config))
        return self.pipelines[-1]


def shoot(camera, stamp_ns=None):
    """Publish one image, stamped now unless told otherwise."""
    stamp = ns_to_time(time.time_ns() if stamp_ns is None else stamp_ns)
    camera.publish(rgb_to_msg(IMAGE_RGB, Header(stamp=stamp)))


def model_threads():
    """Return the threads that hold a model."""
    return [thread for thread in threading.enumerate() if thread.name == "pipeline"]
