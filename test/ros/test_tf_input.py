# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Transforms over DDS: the robot moves, and positions are where it was when the image was taken."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from geometry_msgs.msg import Quaternion
from test_space_input import AWAY_M, Robot, ahead, has_position, metres, place, warnings
from test_transforms import stamped

from psg_ros.ros import tf_input
from psg_ros.ros.conversions import ns_to_time, time_to_ns
from psg_ros.ros.tf_input import TF_QOS, TF_STATIC_QOS, SharedTf
from psg_ros.ros.transforms import TransformBuffer

pytestmark = pytest.mark.ros

SPEED_MPS = 2.0


@pytest.fixture
def tf_message(foreign_messages, monkeypatch):
    kind = foreign_messages("tf2_msgs").TFMessage
    monkeypatch.setattr(tf_input, "TFMessage", kind)
    return kind


class MovingRobot(Robot):
    """Drives along x of the map; where it is follows from the clock alone."""

    def __init__(self, embedding, kind):
        super().__init__(embedding)
        self.kind, self.start_ns = kind, time.time_ns()
        self.arrived = noted_transforms(embedding)
        self.tf = embedding.peer.create_publisher(kind, "/tf", TF_QOS)
        self.tf_static = embedding.peer.create_publisher(kind, "/tf_static", TF_STATIC_QOS)
        self.tf_static.publish(kind(transforms=[ahead()]))

    def x_at(self, stamp_ns):
        return (stamp_ns - self.start_ns) / 1e9 * SPEED_MPS

    def say_where(self):
        now_ns = time.time_ns()
        transform = stamped("map", "base_link", (self.x_at(now_ns), 0.0, 0.0))
        transform.header.stamp = ns_to_time(now_ns)
        self.tf.publish(self.kind(transforms=[transform]))

    def shoot(self, **options):
        """Publish an image of a moment whose transform the node has, once it listens to any."""
        stamp_ns = None
        if self.tf.get_subscription_count():
            known = len(self.arrived)
            self.embedding.spin_until(lambda: len(self.arrived) > known, self.say_where)
            stamp_ns = self.arrived[-1]
        return super().shoot(stamp_ns=stamp_ns, **options)


def noted_transforms(embedding):
    """Return the list that gathers the stamps of what moves, as the node takes it in, ns."""
    arrived, add = [], TransformBuffer.add

    def noted(buffer, transform, *, static):
        add(buffer, transform, static=static)
        if not static:
            arrived.append(time_to_ns(transform.header.stamp))

    embedding.patch(TransformBuffer, "add", noted)
    return arrived


def test_a_position_on_the_map_is_of_the_moment_of_the_image(embedding, tf_message):
    robot = MovingRobot(embedding, tf_message)
    # It subscribes after the static transform was published, as nodes do.
    embedding.node(spatial_frame_id="map", tf_tolerance_s=0.5)
    robot.meet()
    for _ in range(3):
        graph = robot.until(has_position, depth=metres())
        assert graph.spatial_frame_id == "map"
        expected = robot.x_at(time_to_ns(graph.header.stamp)) + 0.1 + AWAY_M
        assert place(graph) == pytest.approx((expected, 0, 1.0), abs=0.01)
    assert embedding.pipelines[0].frame.up == pytest.approx((0, -1, 0))


def test_gravity_alone_comes_from_a_transform_too(embedding, tf_message):
    robot = MovingRobot(embedding, tf_message)
    embedding.node(gravity_frame_id="base_link")
    robot.meet()
    # The first images may come before the transform.
    robot.until(lambda g: embedding.pipelines[0].frame.up is not None, depth=metres())
    graph = robot.until(has_position, depth=metres())
    assert graph.spatial_frame_id == "eye_optical_frame"
    assert embedding.pipelines[0].frame.up == pytest.approx((0, -1, 0))


def bad_quaternion():
    return [stamped("map", "base_link", turn=Quaternion(w=0.5))]


def loop():
    return [stamped("eye_optical_frame", "base_link")]


BAD = {
    "a quaternion of another length": (bad_quaternion, "has a quaternion of length 0.5, not 1"),
    "a loop": (loop, "frames form a loop: eye_optical_frame in base_link"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_transforms_are_named_and_cost_no_graph(embedding, tf_message, monkeypatch, case):
    make, words = BAD[case]
    robot = Robot(embedding)
    publisher = embedding.peer.create_publisher(tf_message, "/tf_static", TF_STATIC_QOS)
    publisher.publish(tf_message(transforms=[ahead(), *make()]))
    node = embedding.node(started=False, spatial_frame_id="map")
    heard = warnings(node, monkeypatch)
    embedding.start(node)
    robot.meet()
    graph = robot.until(lambda g: any(words in text for text in heard), depth=metres())
    assert len(graph.nodes) == 1 and not graph.nodes[0].has_position


def test_nobody_listens_to_tf_where_no_frame_is_asked_for(embedding, tf_message):
    publisher = embedding.peer.create_publisher(tf_message, "/tf", TF_QOS)
    robot = Robot(embedding)
    embedding.node()
    robot.meet()
    robot.until(has_position, depth=metres())
    assert publisher.get_subscription_count() == 0


def test_several_cameras_listen_to_tf_once_and_as_long_as_the_last_one(embedding, tf_message):
    def listens(topic):
        return sum(subscription.topic_name == topic for subscription in node.subscriptions)

    node = embedding.node(cameras=["front", "rear"], spatial_frame_id="map", lazy=False)
    assert listens("/front/depth") == listens("/rear/depth") == 1
    assert listens("/tf") == listens("/tf_static") == 1
    shared = SharedTf(node)
    assert shared.join() is shared.join() and listens("/tf") == 2
    shared.leave()
    assert listens("/tf") == 2
    shared.leave()
    assert listens("/tf") == 1
    assert node.trigger_deactivate().name == "SUCCESS"
    assert listens("/tf") == listens("/tf_static") == 0
