# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node owes to the program around it, a process or one that embeds it."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from embedding import ThingPipeline, model_threads, shoot
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image

from psg_ros.msg import GraphVocabulary, SceneGraph
from psg_ros.ros.start import ANNOTATED_TOPIC

pytestmark = pytest.mark.ros

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NODE = "/scene_graph_node"
WORK_S = 1.0
"""In this time a model that does not rest would have worked on an image, on a busy machine too."""


def test_an_exception_that_leaves_the_executor_ends_the_process(session):
    node = session.node("thing", entry="raising_node.py")
    node.wait_for_log("a timer of somebody else")
    try:
        assert node.popen.wait(30) == 1
    finally:
        node.stop()
        session.forget(node)


def test_destroying_the_node_is_enough_to_end_the_thread_of_its_model(embedding):
    before = len(model_threads())
    node = embedding.node()
    assert len(model_threads()) == before + 1
    node.destroy_node()
    assert len(model_threads()) == before


def raise_as_in_jazzy(node, transition_id):
    raise rclpy_implementation.RCLError("Transition is not registered")


@pytest.mark.parametrize("raises", [False, True])
def test_an_impossible_transition_is_refused_and_the_node_goes_on(
    embedding, monkeypatch, capfd, raises
):
    embedding.node()
    if raises:
        monkeypatch.setattr(LifecycleNode, "_LifecycleNodeMixin__change_state", raise_as_in_jazzy)
    client = embedding.peer.create_client(ChangeState, f"{NODE}/change_state")
    embedding.spin_until(client.service_is_ready)
    wanted = Transition(id=Transition.TRANSITION_CONFIGURE)
    answer = client.call_async(ChangeState.Request(transition=wanted))
    embedding.spin_until(answer.done)
    assert not answer.result().success
    if raises:
        words = "lifecycle transition 1 refused: Transition is not registered"
        assert words in capfd.readouterr().err
    camera, (_, graphs) = embedding.camera(), embedding.listen(SceneGraph, "/scene_graph")
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))


def test_a_model_configured_later_never_reuses_a_vocabulary_version(embedding):
    _, heard = embedding.listen(GraphVocabulary, f"{NODE}/vocabulary", LATCHED)
    node = embedding.node(started=False)
    for count, (model, version) in enumerate([("cat", 1), ("dog", 2), ("dog", 2), ("cat", 3)], 1):
        node.set_parameters([Parameter("model", value=model)])
        embedding.start(node)
        embedding.spin_until(lambda n=count: len(heard) == n)
        assert (heard[-1].version, heard[-1].classes[0].name) == (version, model)
        embedding.stop(node)


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("/scene_graph", SceneGraph),
        (f"{NODE}/segmentation", Image),
        (f"{NODE}/annotated_image", Image),
    ],
)
def test_the_model_rests_until_somebody_listens(embedding, topic, kind):
    node, camera = embedding.node(lazy=False), embedding.camera()
    images = received_images(embedding, node, camera)
    embedding.listen(GraphVocabulary, f"{NODE}/vocabulary", LATCHED)
    embedding.spin_until(lambda: len(images) >= 5, lambda: shoot(camera))
    embedding.spin_for(WORK_S, lambda: shoot(camera))
    (pipeline,) = embedding.pipelines
    assert pipeline.calls == 0
    _, heard = embedding.listen(kind, topic)
    embedding.spin_until(lambda: heard, lambda: shoot(camera))
    assert pipeline.calls > 0


def test_a_listener_to_a_drawing_that_is_switched_off_wakes_nobody(embedding):
    node, camera = embedding.node(annotated_image=False, lazy=False), embedding.camera()
    embedding.listen(Image, f"{NODE}/annotated_image")
    drawn = node._streams[0].outputs._publishers[ANNOTATED_TOPIC]
    embedding.spin_until(lambda: drawn.get_subscription_count() == 1)
    images = received_images(embedding, node, camera)
    embedding.spin_until(lambda: len(images) >= 5, lambda: shoot(camera))
    embedding.spin_for(WORK_S, lambda: shoot(camera))
    assert embedding.pipelines[0].calls == 0


def test_after_unwatched_images_ids_are_new_and_the_sequence_goes_on(embedding, capfd):
    node, camera = embedding.node(), embedding.camera()
    seen = []
    for _ in range(2):
        subscription, graphs = embedding.listen(SceneGraph, "/scene_graph")
        embedding.spin_until(lambda heard=graphs: len(heard) >= 3, lambda: shoot(camera))
        embedding.peer.destroy_subscription(subscription)
        embedding.spin_until(lambda: not node._streams[0].outputs.graph.get_subscription_count())
        images = received_images(embedding, node, camera)
        embedding.spin_until(lambda got=images: len(got) >= 3, lambda: shoot(camera))
        seen.append(graphs)
    first, second = seen
    (first_id,), (second_id,) = ({graph.nodes[0].id for graph in graphs} for graphs in seen)
    # Not the next number for sure: an image may be worked on just when the listener goes.
    assert second_id > first_id
    assert nanoseconds(second[0].nodes[0].first_seen) > nanoseconds(first[-1].header.stamp)
    assert second[0].sequence <= embedding.pipelines[0].calls
    assert first[-1].sequence < second[0].sequence
    assert capfd.readouterr().err.count("nobody subscribes") == 1


def test_when_stamps_jump_back_no_node_was_first_seen_after_its_image(embedding):
    embedding.node(track_gap_s=2.0)
    camera, (_, graphs) = embedding.camera(), embedding.listen(SceneGraph, "/scene_graph")
    for expected_id, second in ((1, 100), (1, 102), (2, 105), (3, 0), (3, 1)):
        stamp_ns = second * 10**9

        def heard(stamp_ns=stamp_ns):
            return graphs and nanoseconds(graphs[-1].header.stamp) == stamp_ns

        embedding.spin_until(heard, lambda s=stamp_ns: shoot(camera, s))
        (seen,) = graphs[-1].nodes
        assert seen.id == expected_id
        assert nanoseconds(seen.first_seen) <= stamp_ns


def test_each_activation_numbers_its_nodes_from_1_though_the_model_stays(embedding):
    node, camera = embedding.node(), embedding.camera()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph")
    for expected_ids in ([1, 2], [1, 2]):
        for expected_id, stamp_ns in zip(expected_ids, (2 * 10**9, 10**9), strict=True):
            graphs.clear()

            def heard(stamp_ns=stamp_ns):
                return graphs and nanoseconds(graphs[-1].header.stamp) == stamp_ns

            embedding.spin_until(heard, lambda s=stamp_ns: shoot(camera, s))
            assert graphs[-1].nodes[0].id == expected_id
        assert node.trigger_deactivate().name == node.trigger_activate().name == "SUCCESS"
    assert len(embedding.pipelines) == 1


@pytest.mark.parametrize("use_sim_time", [False, True])
def test_every_activation_has_its_own_stamp_in_every_graph(embedding, use_sim_time):
    node = embedding.node(started=False, use_sim_time=use_sim_time)
    camera, (_, graphs) = embedding.camera(), embedding.listen(SceneGraph, "/scene_graph")
    activations = []
    for _ in range(2):
        embedding.start(node)

        def graphs_of_this():
            return [g for g in graphs if nanoseconds(g.activated) not in activations]

        embedding.spin_until(lambda of=graphs_of_this: len(of()) >= 3, lambda: shoot(camera))
        (activated,) = {nanoseconds(graph.activated) for graph in graphs_of_this()}
        assert graphs_of_this()[0].sequence <= 5  # counted from 1 again
        assert abs(activated - time.time_ns()) < 120 * 10**9
        activations.append(activated)
        embedding.stop(node)
    assert activations[0] < activations[1]


def nanoseconds(stamp):
    return stamp.sec * 10**9 + stamp.nanosec


def received_images(embedding, node, camera):
    """Return a list that grows with every image that reaches the node from now on."""
    images, image_input = [], node._streams[0]._input
    receive = image_input._on_image

    def note(message, arrivals):
        images.append(message)
        receive(message, arrivals)

    image_input._on_image = note
    return images


@pytest.mark.parametrize(
    ("name", "value"), [("model", "dog"), ("track", False), ("silence_s", 1.0), ("threads", 3)]
)
def test_fixed_parameters_can_be_set_while_unconfigured_only(embedding, name, value):
    node = embedding.node(started=False)
    default = node.get_parameter(name).value

    def refusal(value):
        (result,) = node.set_parameters([Parameter(name, value=value)])
        return "" if result.successful else result.reason

    assert refusal(value) == ""
    embedding.start(node)
    assert refusal(value) == ""  # as it is already
    assert refusal(default).startswith(f"{name} can be set while the node is unconfigured")
    assert getattr(embedding.pipelines[-1].config, name) == value
    embedding.stop(node)
    assert refusal(default) == ""
    embedding.start(node)
    assert getattr(embedding.pipelines[-1].config, name) == default


def test_values_are_checked_while_unconfigured_too(embedding):
    node = embedding.node(started=False)
    (result,) = node.set_parameters([Parameter("backend", value="gpu")])
    assert "backend must be one of auto" in result.reason
    (result,) = node.set_parameters([Parameter("autostart", value=False)])
    assert "read-only" in result.reason
    assert node.get_parameter("backend").value == "auto"


def test_what_was_set_while_inactive_holds_from_activation_on(embedding):
    """The vocabulary of the new activation tells the threshold, though no image has come yet."""

    class Threshold(ThingPipeline):
        relation_threshold = property(lambda self: self.config.relation_threshold, lambda *_: None)

    embedding.patch(type(embedding), "_open", lambda self, config: Threshold(config))
    node = embedding.node(relation_threshold=0.25)
    assert node.trigger_deactivate().name == "SUCCESS"
    assert node.set_parameters([Parameter("relation_threshold", value=0.75)])[0].successful
    _, heard = embedding.listen(GraphVocabulary, f"{NODE}/vocabulary", qos=LATCHED)
    embedding.spin_until(lambda: heard)
    assert node.trigger_activate().name == "SUCCESS"
    embedding.spin_until(lambda: [v.predicates[0].threshold for v in heard] == [0.25, 0.75])
