# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service by parameters: on every topic, checked, and without side effects."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from psg_ros.ros import topics

pytestmark = pytest.mark.ros

OUTPUTS = {f"/{topic.replace('~', 'scene_graph_node')}" for topic in topics.OUTPUTS}
"""Full names of all topics that are published."""


def offered(node, topic):
    (info,) = node.get_publishers_info_by_topic(topic)
    return info.qos_profile.reliability


@pytest.mark.parametrize("topic", sorted(OUTPUTS))
def test_every_output_takes_overrides_and_no_other_node_inherits_them(embedding, topic):
    name = f"qos_overrides.{topic}.publisher"
    given = {f"{name}.reliability": "best_effort", f"{name}.depth": 2}
    node = embedding.node(**given)
    assert offered(node, topic) == ReliabilityPolicy.BEST_EFFORT
    assert {t for t in OUTPUTS if offered(node, t) == ReliabilityPolicy.RELIABLE} == (
        OUTPUTS - {topic}
    )
    assert node.get_parameter(f"{name}.depth").value == 2
    for profile in (topics.GRAPH_QOS, topics.IMAGE_QOS, topics.LATCHED_QOS):
        assert profile.reliability == ReliabilityPolicy.RELIABLE and profile.depth != 2


def test_overrides_hold_through_the_states(embedding):
    node = embedding.node(**{"qos_overrides./scene_graph.publisher.reliability": "best_effort"})
    embedding.stop(node)
    embedding.start(node)
    assert offered(node, "/scene_graph") == ReliabilityPolicy.BEST_EFFORT


def test_the_subscription_takes_all_three_policies(embedding):
    name = "qos_overrides./image.subscription"
    node = embedding.node(
        lazy=False,
        **{f"{name}.reliability": "reliable", f"{name}.depth": 3, f"{name}.history": "keep_all"},
    )
    (profile,) = [s.qos_profile for s in node.subscriptions if s.topic_name == "/image"]
    wanted = QoSProfile(
        depth=3, history=HistoryPolicy.KEEP_ALL, reliability=ReliabilityPolicy.RELIABLE
    )
    assert profile == wanted


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "qos_overrides./scene_grph.publisher.depth",
            1,
            "did you mean 'qos_overrides./scene_graph.publisher.depth'?",
        ),
        ("qos_overrides./image.publisher.depth", 1, "'qos_overrides./image.subscription.depth'"),
        ("qos_overrides./scene_graph.publisher.reliability", "maybe", "reliable, best_effort"),
        ("qos_overrides./scene_graph.publisher.reliability", True, "reliable, best_effort"),
        ("qos_overrides./scene_graph.publisher.depth", 0, "must be an integer from 1, not 0"),
        ("qos_overrides./scene_graph.publisher.depth", "many", "must be an integer from 1"),
    ],
)
def test_an_override_without_effect_or_meaning_is_refused(embedding, capfd, name, value, words):
    node = embedding.node(started=False, **{name: value})
    assert node.trigger_configure().name == "FAILURE"
    log = capfd.readouterr().err
    assert name in log and words in log and "Traceback" not in log


def test_a_parameter_file_reaches_remapped_topics(embedding, tmp_path):
    file = tmp_path / "node.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    qos_overrides:\n"
        "      /front/camera: {subscription: {reliability: reliable, depth: 2}}\n"
        "      /front/graph: {publisher: {reliability: best_effort}}\n"
    )
    arguments = ["--params-file", str(file), "-r", "__ns:=/front", "-r", "image:=camera"]
    node = embedding.node(
        lazy=False, arguments=["--ros-args", *arguments, "-r", "scene_graph:=graph"]
    )
    assert offered(node, "/front/graph") == ReliabilityPolicy.BEST_EFFORT
    (profile,) = [s.qos_profile for s in node.subscriptions if s.topic_name == "/front/camera"]
    assert (profile.reliability, profile.depth) == (ReliabilityPolicy.RELIABLE, 2)
