# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one node: one model in turn, everything else of each alone."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

import time

from embedding import model_threads, shoot
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.ros.start import NODE_NAME, camera_topic
from psg_ros.ros.topics import OUTPUTS

pytestmark = pytest.mark.ros

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NAMES = ["front", "rear"]


def adds_up(graph):
    t = graph.timing
    parts = (graph.sequence, t.dropped_frames, t.failed_frames, t.skipped_frames)
    return t.received_frames == sum(parts)


def test_topics_are_those_of_a_node_of_its_own_in_the_namespace_of_the_camera():
    assert camera_topic("image", "front", "n") == "front/image"
    assert camera_topic("~/segmentation", "front", "n") == "front/n/segmentation"
    assert camera_topic("~/segmentation", "", "n") == "~/segmentation"


def test_each_camera_has_its_topics_ids_sequence_and_name_and_they_share_one_model(embedding):
    embedding.node(cameras=NAMES)
    cameras = {name: embedding.camera(topic=f"/{name}/image") for name in NAMES}
    heard = {name: embedding.listen(SceneGraph, f"/{name}/scene_graph", 50)[1] for name in NAMES}

    def shoot_both():
        for camera in cameras.values():
            shoot(camera)

    embedding.spin_until(lambda: all(len(graphs) >= 5 for graphs in heard.values()), shoot_both)
    assert len(embedding.pipelines) == len(model_threads()) == 1
    for name, graphs in heard.items():
        assert {graph.camera for graph in graphs} == {name}
        numbers = [graph.sequence for graph in graphs]
        assert numbers == list(range(1, len(graphs) + 1))
        assert {graph.nodes[0].id for graph in graphs} == {1}, "tracks of each camera alone"
        assert all(adds_up(graph) for graph in graphs)


def test_all_outputs_are_there_for_each_camera_and_nothing_without_a_prefix(embedding):
    node = embedding.node(cameras=NAMES)
    published = {publisher.topic_name for publisher in node.publishers}
    for topic in OUTPUTS:
        assert node.resolve_topic_name(topic) not in published
        for name in NAMES:
            assert f"/{camera_topic(topic, name, NODE_NAME)}" in published
    words = [embedding.listen(GraphVocabulary, f"/{n}/{NODE_NAME}/vocabulary", LATCHED)[1]
             for n in NAMES]  # fmt: skip
    embedding.spin_until(lambda: all(words))
    assert {messages[0].version for messages in words} == {1}, "one model, one vocabulary"


def test_a_dead_camera_stops_nobody_and_one_that_nobody_hears_rests(embedding):
    node = embedding.node(cameras=[*NAMES, "dead"])
    cameras = {name: embedding.camera(topic=f"/{name}/image") for name in NAMES}
    _, graphs = embedding.listen(SceneGraph, "/front/scene_graph")
    embedding.listen(SceneGraph, "/dead/scene_graph")
    embedding.spin_until(lambda: len(graphs) >= 5, lambda: [shoot(c) for c in cameras.values()])
    assert cameras["rear"].get_subscription_count() == 0
    assert [s._input.awake for s in node._streams] == [True, False, True]


class Turns:
    """Lets the one model take a number of turns of the cameras for every image of each."""

    TAKES = 12
    """Enough for the executor to take an image of either camera meanwhile."""

    def __init__(self, embedding):
        self.count = 0
        kind = type(embedding.pipelines[0])
        original = kind.__call__

        def slowly(pipeline, frame):
            end, end_s = self.count + self.TAKES, time.monotonic() + 1.0  # the test's end
            while self.count < end and time.monotonic() < end_s:
                time.sleep(0.001)
            return original(pipeline, frame)

        embedding.patch(kind, "__call__", slowly)


def test_a_model_that_is_too_slow_is_shared_fairly_whatever_the_cameras_rates(embedding):
    """One camera sends four times as fast as the other; each gets half of the model."""
    embedding.node(cameras=NAMES)
    turns = Turns(embedding)
    fast, slow = (embedding.camera(topic=f"/{name}/image") for name in NAMES)
    heard = [embedding.listen(SceneGraph, f"/{name}/scene_graph", 100)[1] for name in NAMES]

    def shoot_unequally():
        turns.count += 1
        shoot(fast)
        if turns.count % 4 == 0:
            shoot(slow)

    embedding.spin_until(lambda: all(heard), shoot_unequally)
    counts = [len(graphs) for graphs in heard]

    def gained():
        return [len(graphs) - count for graphs, count in zip(heard, counts, strict=True)]

    embedding.spin_until(lambda: sum(gained()) >= 60, shoot_unequally)
    assert min(gained()) >= 0.7 * max(gained()), gained()
    assert all(adds_up(graph) for graphs in heard for graph in graphs)
    assert heard[0][-1].timing.dropped_frames > heard[1][-1].timing.dropped_frames


def test_failures_of_one_camera_are_its_own_and_named(embedding, capfd):
    embedding.node(cameras=NAMES)
    cameras = {name: embedding.camera(topic=f"/{name}/image") for name in NAMES}
    heard = [embedding.listen(SceneGraph, f"/{name}/scene_graph")[1] for name in NAMES]
    bad = Image(width=8, height=8, encoding="rgb8", step=24)  # no data
    embedding.spin_until(
        lambda: len(heard[1]) >= 5,
        lambda: (cameras["front"].publish(bad), shoot(cameras["rear"])),
    )
    assert not heard[0] and heard[1][-1].timing.failed_frames == 0
    assert "front: image skipped" in capfd.readouterr().err
    embedding.spin_until(lambda: heard[0], lambda: shoot(cameras["front"]))
    assert heard[0][0].timing.failed_frames > 0 and adds_up(heard[0][0])


def test_parameters_change_for_all_cameras_and_each_keeps_its_name(embedding):
    node = embedding.node(cameras=NAMES)
    assert node.set_parameters([Parameter("annotated_relations", value=3)])[0].successful
    configs = [stream._config for stream in node._streams]
    assert [(c.camera, c.annotated_relations) for c in configs] == [("front", 3), ("rear", 3)]
    (result,) = node.set_parameters([Parameter("cameras", value=["other"])])
    assert not result.successful and "deactivate and clean up" in result.reason


def test_cycles_leave_no_thread_and_other_cameras_can_come_with_configure(embedding):
    node = embedding.node(cameras=NAMES)
    embedding.stop(node)
    assert not model_threads()
    assert node.set_parameters([Parameter("cameras", value=["left"])])[0].successful
    embedding.start(node)
    camera = embedding.camera(topic="/left/image")
    _, graphs = embedding.listen(SceneGraph, "/left/scene_graph")
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    embedding.stop(node)
    assert node.set_parameters([Parameter("cameras", value=[""])])[0].successful
    embedding.start(node)
    assert "/scene_graph" in {publisher.topic_name for publisher in node.publishers}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cameras": ["fr ont"]}, "no digit first, not 'fr ont'"),
        ({"cameras": ["1st"]}, "not '1st'"),
        ({"cameras": ["/front"]}, "not '/front'"),
        ({"cameras": ["a", "b", "a"]}, "cameras must differ, a is there twice"),
        ({"cameras": [f"c{n}" for n in range(33)]}, "cameras must be 32 at most, not 33"),
        ({"cameras": NAMES, "camera": "top"}, "leave camera empty"),
    ],
)
def test_names_that_make_no_topics_are_refused(embedding, capfd, given, words):
    node = embedding.node(started=False, **given)
    assert node.trigger_configure().name == "FAILURE"
    log = capfd.readouterr().err
    assert words in log and "Traceback" not in log


@pytest.mark.parametrize("value", ["front", 3, [1, 2]])
def test_what_is_no_list_of_texts_is_refused(embedding, value):
    with pytest.raises(ValueError, match="cameras must be a list of texts"):
        embedding.node(started=False, cameras=value)


def test_overrides_of_quality_are_known_for_the_topics_of_each_camera(embedding, capfd):
    name = "qos_overrides./{}.publisher.depth"
    embedding.node(cameras=NAMES, **{name.format("front/scene_graph"): 2})
    node = embedding.node(started=False, cameras=NAMES, **{name.format("scene_graph"): 2})
    assert node.trigger_configure().name == "FAILURE"
    assert "did you mean" in capfd.readouterr().err


def test_two_camera_processes_share_a_real_model_that_was_started_from_the_command_line(
    session, embedding, tiny_model
):
    session.node(tiny_model, image_topic="/CAMERA/image_raw", cameras=NAMES)
    for name, rate in zip(NAMES, (20, 5), strict=True):
        topic = f"/{name}/image_raw"
        session.script(name, "camera_process.py", "--topic", topic, "--rate", rate)
    heard = {name: embedding.listen(SceneGraph, f"/{name}/scene_graph", 50)[1] for name in NAMES}
    embedding.spin_until(lambda: all(len(graphs) >= 3 for graphs in heard.values()))
    for name, graphs in heard.items():
        assert {graph.camera for graph in graphs} == {name}
        assert {node.class_name for graph in graphs for node in graph.nodes} >= {"red", "blue"}
        assert all(adds_up(graph) for graph in graphs)
