# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The subscription follows what cameras offer, unless it was told otherwise."""

import re

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import shoot
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage

from psg_ros.msg import SceneGraph
from psg_ros.ros.image_input import MATCH_PERIOD_S

pytestmark = pytest.mark.ros


def asked(node):
    """Return the reliability of the node's only image subscription; None without one."""
    found = [s for s in node.subscriptions if s.topic_name == "/image"]
    assert len(found) <= 1
    return found[0].qos_profile.reliability.name.lower() if found else None


def test_match_is_the_default_and_follows_a_camera_that_comes_back_otherwise(embedding, capfd):
    node = embedding.node()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph")
    assert asked(node) is None
    for offer in ("reliable", "best_effort", "reliable"):
        camera, heard = embedding.camera(offer), len(graphs)
        embedding.spin_until(lambda o=offer: asked(node) == o)
        embedding.spin_until(lambda n=heard: len(graphs) > n, lambda c=camera: shoot(c))
        embedding.peer.destroy_publisher(camera)
        embedding.spin_until(lambda: node.count_publishers("/image") == 0)
    assert asked(node) == "reliable"  # nothing is offered, so nothing changes
    log = capfd.readouterr().err
    assert "/image is offered best_effort: matched" in log and "image_reliability:=" not in log


def test_of_cameras_that_differ_match_hears_all(embedding):
    node = embedding.node(image_reliability="match", lazy=False)
    embedding.camera("reliable")
    embedding.spin_until(lambda: asked(node) == "reliable")
    other = embedding.camera("best_effort")
    embedding.spin_until(lambda: asked(node) == "best_effort")
    embedding.peer.destroy_publisher(other)
    embedding.spin_until(lambda: asked(node) == "reliable")


def test_a_publisher_of_another_type_does_not_decide_what_is_matched(embedding, stranger):
    node = embedding.node(lazy=False)
    stranger.create_publisher(CompressedImage, "/image", qos_profile_sensor_data)
    embedding.camera("reliable")
    embedding.spin_until(lambda: node.count_publishers("/image") == 2)
    embedding.spin_until(lambda: asked(node) == "reliable")
    embedding.spin_for(2 * MATCH_PERIOD_S, lambda: None)
    assert asked(node) == "reliable"


def test_an_override_wins_over_match_and_is_named_when_it_does_not_fit(embedding, capfd):
    name = "qos_overrides./image.subscription.reliability"
    node = embedding.node(image_reliability="match", lazy=False, **{name: "reliable"})
    assert asked(node) == "reliable"
    embedding.camera("best_effort")
    log = []

    def said():
        log.append(capfd.readouterr().err)
        return "RELIABILITY does not fit" in "".join(log)

    embedding.spin_until(said)
    assert f"Restart this node without {name}, and with" in "".join(log)
    assert asked(node) == "reliable"


def test_reliability_is_asked_again_at_each_configure(embedding):
    node = embedding.node(started=False, lazy=False)
    for reliability in ("best_effort", "reliable"):
        node.set_parameters([Parameter("image_reliability", value=reliability)])
        embedding.start(node)
        assert asked(node) == reliability
        embedding.stop(node)


def test_silence_is_reported_less_and_less_often_until_an_image_comes(embedding, capfd):
    node = embedding.node(silence_s=0.25, lazy=False)
    log = []

    def waits():
        log.append(capfd.readouterr().err)
        return re.findall(r"no image for ([\d.]+) s", "".join(log))

    embedding.spin_until(lambda: len(waits()) >= 3)
    assert waits() == ["0.25", "0.75", "1.75"]
    camera = embedding.camera()
    embedding.spin_until(lambda: node._streams[0]._input._heard, lambda: shoot(camera))
    embedding.spin_until(lambda: len(waits()) == 4)
    assert waits()[-1] == "0.25"
