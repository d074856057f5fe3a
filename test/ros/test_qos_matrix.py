# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every quality of service that a camera may offer, against all that the node may ask for."""

import itertools
from functools import partial

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import shoot
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from psg_ros.msg import SceneGraph

pytestmark = pytest.mark.ros

OFFERS = list(
    itertools.product(
        (ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT),
        (DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL),
        (HistoryPolicy.KEEP_LAST, HistoryPolicy.KEEP_ALL),
    )
)


@pytest.mark.parametrize("asked", ["match", "best_effort", "reliable"])
def test_images_come_or_the_log_says_why_not_and_what_to_do(embedding, capfd, asked):
    """A camera with each offer comes, is heard if it can be, and goes again."""
    node = embedding.node(image_reliability=asked)
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    for reliability, durability, history in OFFERS:
        qos = QoSProfile(depth=1, reliability=reliability, durability=durability, history=history)
        camera, known = embedding.peer.create_publisher(Image, "/image", qos), len(graphs)
        if asked == "reliable" and reliability == ReliabilityPolicy.BEST_EFFORT:
            embedding.spin_until(lambda: node._streams[0].facts().num_publishers)
            embedding.spin_for(0.3, lambda c=camera: shoot(c))
            assert len(graphs) == known and not node._streams[0].facts().fits
        else:
            embedding.spin_until(lambda n=known: len(graphs) > n, lambda c=camera: shoot(c))
            assert node._streams[0].facts().fits
            embedding.settle(graphs, partial(shoot, camera))
        embedding.peer.destroy_publisher(camera)
        embedding.spin_until(lambda: node.count_publishers("/image") == 0)
    log = capfd.readouterr().err
    assert ("image_reliability:=match" in log) == (asked == "reliable")
