# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The camera is subscribed to only while somebody wants graphs, and at once when somebody does."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import shoot
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from psg_ros.msg import SceneGraph
from psg_ros.ros import camera_stream, demand, outputs
from psg_ros.ros.demand import LINGER_S
from psg_ros.ros.start import NODE_NAME

pytestmark = pytest.mark.ros


def subscriptions(node):
    """Return how many subscriptions to the camera the node has."""
    return sum(s.topic_name == "/image" for s in node.subscriptions)


@pytest.mark.parametrize("reliability", ["match", "best_effort"])
def test_without_listeners_there_is_no_subscription_to_the_camera(embedding, reliability):
    node, camera = embedding.node(image_reliability=reliability), embedding.camera()
    embedding.spin_for(1.0, lambda: shoot(camera))
    assert subscriptions(node) == camera.get_subscription_count() == 0
    assert embedding.pipelines[0].calls == 0


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        (SceneGraph, "/scene_graph"),
        (Image, f"/{NODE_NAME}/segmentation"),
        (Image, f"/{NODE_NAME}/annotated_image"),
    ],
)
def test_whatever_somebody_listens_to_brings_it_back_and_it_goes_again(embedding, kind, topic):
    node, camera = embedding.node(), embedding.camera()
    embedding.spin_until(lambda: node.count_publishers("/image") == 1)
    for _ in range(2):
        subscription, heard = embedding.listen(kind, topic)
        embedding.spin_until(lambda got=heard: got, lambda: shoot(camera))
        embedding.peer.destroy_subscription(subscription)
        since_s = time.monotonic()
        embedding.spin_until(lambda: subscriptions(node) == 0, lambda: shoot(camera))
        assert time.monotonic() - since_s >= LINGER_S / 2
    embedding.spin_until(lambda: camera.get_subscription_count() == 0)


@pytest.mark.skipif(not outputs.TELLS_MATCHES, reason="needs events of matches")
def test_a_listener_brings_it_back_at_once_and_not_when_the_node_next_looks(embedding, monkeypatch):
    monkeypatch.setattr(camera_stream, "DEMAND_PERIOD_S", 3600.0)
    node, camera = embedding.node(), embedding.camera()
    assert subscriptions(node) == 0
    _, graphs = embedding.listen(SceneGraph, "/scene_graph")
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))


def test_a_listener_that_comes_and_goes_does_not_make_the_subscription_flap(embedding, monkeypatch):
    monkeypatch.setattr(demand, "LINGER_S", 60.0)  # longer than this process may pause
    node, camera = embedding.node(image_reliability="best_effort"), embedding.camera()
    made = []
    create = node.create_subscription
    node.create_subscription = lambda *a, **k: made.append(a[1]) or create(*a, **k)
    for _ in range(5):
        subscription, heard = embedding.listen(SceneGraph, "/scene_graph")
        embedding.spin_until(lambda got=heard: got, lambda: shoot(camera))
        embedding.peer.destroy_subscription(subscription)
        embedding.spin_for(0.2, lambda: None)
    assert sorted(made) == ["/camera_info", "/depth", "/image"]


def test_a_question_brings_graphs_without_any_listener(embedding):
    node, camera = embedding.node(), embedding.camera()
    node._streams[0].demand.ask()
    embedding.spin_until(lambda: embedding.pipelines[0].calls > 0, lambda: shoot(camera))
    assert subscriptions(node) == 1


def test_lazy_can_be_switched_off_and_on_while_running(embedding):
    node, camera = embedding.node(), embedding.camera()
    for lazy, count in ((False, 1), (True, 0)):
        (result,) = node.set_parameters([Parameter("lazy", value=lazy)])
        assert result.successful
        embedding.spin_until(lambda n=count: subscriptions(node) == n)
    assert camera.get_subscription_count() in (0, 1)  # discovery may lag behind


def test_counters_add_up_and_ids_are_new_after_a_rest(embedding):
    node, camera = embedding.node(), embedding.camera()
    seen = []
    for _ in range(2):
        subscription, graphs = embedding.listen(SceneGraph, "/scene_graph")
        embedding.spin_until(lambda got=graphs: len(got) >= 3, lambda: shoot(camera))
        embedding.peer.destroy_subscription(subscription)
        embedding.spin_until(lambda: subscriptions(node) == 0)
        seen += graphs
    for graph in seen:
        t = graph.timing
        parts = (graph.sequence, t.dropped_frames, t.failed_frames, t.skipped_frames)
        assert t.received_frames == sum(parts)
    assert seen[-1].nodes[0].id > seen[0].nodes[0].id
    assert seen[-1].activated == seen[0].activated and seen[-1].sequence > seen[0].sequence


def test_images_above_max_rate_are_skipped_and_counted(embedding):
    node, camera = embedding.node(max_rate=5.0), embedding.camera("reliable")
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    started_s, first = time.monotonic(), len(graphs)
    embedding.spin_for(3.0, lambda: shoot(camera))
    took_s = time.monotonic() - started_s
    assert len(graphs) - first <= 5 * took_s + 2
    last = graphs[-1].timing
    assert last.skipped_frames > last.dropped_frames
    parts = (graphs[-1].sequence, last.dropped_frames, last.failed_frames, last.skipped_frames)
    assert last.received_frames == sum(parts)
    assert {graph.nodes[0].id for graph in graphs} == {1}, "the tracks go on"
    (result,) = node.set_parameters([Parameter("max_rate", value=-1.0)])
    assert not result.successful and "range" in result.reason


def test_where_ros_tells_of_no_matches_listeners_are_looked_for(embedding, monkeypatch):
    """As on Humble."""
    monkeypatch.setattr(outputs, "TELLS_MATCHES", False)
    monkeypatch.setattr(camera_stream, "DEMAND_PERIOD_S", 0.1)
    node, camera = embedding.node(), embedding.camera()
    assert subscriptions(node) == 0
    listener, heard = embedding.listen(SceneGraph, "/scene_graph")
    embedding.spin_until(lambda: heard, lambda: shoot(camera))
    embedding.peer.destroy_subscription(listener)
    embedding.spin_until(lambda: subscriptions(node) == 0, lambda: shoot(camera))
