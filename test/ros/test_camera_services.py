# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Questions to the node about its last graph, and what its operator may ask of it."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")

import numpy as np
from embedding import IMAGE_RGB, shoot
from std_srvs.srv import SetBool, Trigger

from psg_ros.graph_delta import DeltaFollower
from psg_ros.msg import GraphDelta, SceneGraph
from psg_ros.pictures.picture_file import read_image
from psg_ros.srv import GetSceneGraph, QueryRelations

pytestmark = pytest.mark.ros

NODE = "/scene_graph_node"


@pytest.fixture
def ask(embedding):
    """Return a function that calls a service of the node, shooting images meanwhile if told to."""

    def call(kind, name, request=None, *, doing=lambda: None, prefix=NODE):
        client = embedding.peer.create_client(kind, f"{prefix}/{name}")
        embedding.spin_until(client.service_is_ready, doing)
        future = client.call_async(request or kind.Request())
        embedding.spin_until(future.done, doing)
        embedding.peer.destroy_client(client)
        answer = future.result()
        assert answer.message, "every answer says why"
        return answer

    return call


@pytest.fixture
def seen(embedding, ask):
    """Return a node that has published a graph, its camera and the list of its graphs."""
    node = embedding.node(model="cup")
    camera = embedding.camera()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph")
    embedding.settle(graphs, partial(shoot, camera))
    return node, camera, graphs


def test_a_query_is_answered_from_the_last_graph(seen, ask):
    _, camera, graphs = seen
    answer = ask(QueryRelations, "query_relations", QueryRelations.Request(subject="CUP"))
    assert answer.success and answer.message == "nothing in the graph is so related"
    assert answer.sequence == graphs[-1].sequence and answer.header == graphs[-1].header
    assert not answer.nodes and not answer.relations and not answer.inverted


@pytest.mark.parametrize(
    "request_fields, words",
    [
        ({"subject": "cap"}, "did you mean 'cup'?"),
        ({"predicate": "no"}, "no predicate 'no'"),
        ({"object": "#one"}, "'#one' is no node"),
        ({"min_probability": 2.0}, "min_probability must lie in 0..1"),
        ({"max_age_s": -1.0}, "max_age_s must be 0 (any age) or more, not -1.0"),
        ({"max_age_s": float("nan")}, "max_age_s must be 0 (any age) or more, not nan"),
        ({"max_age_s": 1e-6}, "s old, not 1e-06: newer ones are being made, ask again"),
    ],
)
def test_what_cannot_be_answered_says_why(seen, ask, request_fields, words):
    request = QueryRelations.Request(**request_fields)
    answer = ask(QueryRelations, "query_relations", request)
    assert not answer.success and answer.sequence == 0
    assert words in answer.message


def test_the_graph_is_given_as_it_was_published(seen, ask):
    _, _, graphs = seen
    answer = ask(GetSceneGraph, "get_scene_graph")
    assert answer.success and repr(answer.graph) == repr(graphs[-1])  # NaN differs from itself
    assert answer.message.endswith(" s old")


def test_before_the_first_graph_a_question_has_images_worked_on(embedding, ask):
    embedding.node(model="cup")
    answer = ask(GetSceneGraph, "get_scene_graph")
    assert not answer.success and answer.message.startswith("no graph yet")
    # Nobody listens to anything, and yet:
    camera = embedding.camera()
    # When the second image is worked on, the first one's graph is known.
    embedding.spin_until(lambda: embedding.pipelines[0].calls > 1, lambda: shoot(camera))
    assert ask(GetSceneGraph, "get_scene_graph").success


def test_a_node_that_is_not_active_says_so(seen, ask):
    node, _, _ = seen
    assert node.trigger_deactivate().name == "SUCCESS"
    for kind, name in (
        (QueryRelations, "query_relations"),
        (GetSceneGraph, "get_scene_graph"),
        (SetBool, "pause"),
        (Trigger, "reset"),
        (Trigger, "snapshot"),
    ):
        answer = ask(kind, name)
        assert not answer.success and "not active" in answer.message, name
    assert node.trigger_activate().name == "SUCCESS"
    # Of before the pause nothing is left.
    assert ask(GetSceneGraph, "get_scene_graph").message.startswith("no graph yet")


def test_pause_skips_images_and_counts_them(embedding, seen, ask):
    _, camera, graphs = seen
    assert ask(SetBool, "pause", SetBool.Request(data=True)).success
    assert ask(SetBool, "pause", SetBool.Request(data=True)).message == "paused already"
    before, calls = len(graphs), embedding.pipelines[0].calls
    embedding.spin_for(0.5, lambda: shoot(camera))
    assert len(graphs) == before and embedding.pipelines[0].calls == calls
    answer = ask(GetSceneGraph, "get_scene_graph")
    assert answer.success and answer.message.endswith("paused")
    too_old = ask(QueryRelations, "query_relations", QueryRelations.Request(max_age_s=1e-3))
    assert not too_old.success and "call ~/pause with data false" in too_old.message

    assert ask(SetBool, "pause", SetBool.Request(data=False)).success
    embedding.spin_until(lambda: len(graphs) > before, lambda: shoot(camera))
    timing = graphs[-1].timing
    assert timing.skipped_frames > 0
    others = timing.dropped_frames + timing.failed_frames + timing.skipped_frames
    assert timing.received_frames == graphs[-1].sequence + others
    assert graphs[-1].nodes[0].id > graphs[before - 1].nodes[0].id, "nothing was followed meanwhile"


def test_reset_gives_new_ids_and_counts_on(embedding, seen, ask):
    _, camera, graphs = seen
    (first,) = {node.id for graph in graphs for node in graph.nodes}
    assert ask(Trigger, "reset").success
    embedding.spin_until(lambda: graphs[-1].nodes[0].id != first, lambda: shoot(camera))
    sequences = [graph.sequence for graph in graphs]
    assert sequences == list(range(1, len(graphs) + 1)) and graphs[-1].nodes[0].id > first


def test_deltas_lead_to_the_published_graph(embedding, ask):
    embedding.node(model="cup", delta_keyframe_s=3600.0)
    camera = embedding.camera()
    _, graphs = embedding.listen(SceneGraph, "/scene_graph", 100)
    embedding.spin_until(lambda: graphs, lambda: shoot(camera))
    _, deltas = embedding.listen(GraphDelta, "/scene_graph/delta", 100)
    embedding.spin_until(lambda: len(deltas) > 5, lambda: shoot(camera))
    embedding.settle(graphs, partial(shoot, camera))
    embedding.spin_until(lambda: deltas[-1].sequence == graphs[-1].sequence)
    follower = DeltaFollower()
    by_sequence = {graph.sequence: graph for graph in graphs}
    assert [delta.keyframe for delta in deltas] == [True] + [False] * (len(deltas) - 1)
    assert not deltas[-1].nodes, "nothing changed any more"
    for delta in deltas:
        assert follower.apply(delta)
        published = by_sequence[delta.sequence]
        assert repr(follower.graph.nodes) == repr(published.nodes)
        assert follower.graph.header == published.header
    assert ask(GetSceneGraph, "get_scene_graph", GetSceneGraph.Request(keyframe=True)).success
    count = len(deltas)
    embedding.spin_until(lambda: len(deltas) > count, lambda: shoot(camera))
    assert any(delta.keyframe for delta in deltas[count:])


class TestSnapshot:
    @pytest.fixture
    def take(self, embedding, tmp_path, ask):
        """Return a function that asks for a snapshot, with the parameters of the node."""

        def snapshot(node_seen=True, **parameters):
            folder = {"snapshot_folder": str(tmp_path / "shots"), **parameters}
            node = embedding.node(model="cup", **folder)
            camera = embedding.camera()
            doing = (lambda: shoot(camera)) if node_seen else (lambda: None)
            return node, lambda: ask(Trigger, "snapshot", doing=doing)

        return snapshot

    def test_holds_the_image_the_graph_and_both(self, take, tmp_path: Path):
        _, shoot_once = take()
        answer = shoot_once()
        assert answer.success
        folder = Path(answer.message)
        assert folder.parent == tmp_path / "shots"
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["annotated.jpg", "graph.json", "image.png"]
        np.testing.assert_array_equal(read_image(folder / "image.png"), IMAGE_RGB)
        assert read_image(folder / "annotated.jpg").shape[2] == 3
        record = json.loads((folder / "graph.json").read_text())
        assert [node["class_name"] for node in record["nodes"]] == ["cup"]
        stamp = record["header"]["stamp"]
        assert folder.name.startswith(f"{stamp['sec']}.{stamp['nanosec']:09d}_")

    def test_is_refused_when_the_folder_is_full(self, take, tmp_path: Path):
        _, shoot_once = take(snapshot_limit=1)
        assert shoot_once().success
        answer = shoot_once()
        assert not answer.success
        assert "holds 1 snapshots, snapshot_limit is 1" in answer.message
        assert len(list((tmp_path / "shots").iterdir())) == 1

    def test_is_refused_where_nothing_can_be_written(self, take, tmp_path: Path):
        (tmp_path / "file").write_text("")
        _, shoot_once = take(snapshot_folder=str(tmp_path / "file"))
        answer = shoot_once()
        assert not answer.success and answer.message.startswith("snapshot_folder cannot be used")

    def test_is_refused_where_there_is_no_such_home(self, take):
        _, shoot_once = take(snapshot_folder="~no_such_user/shots")
        answer = shoot_once()
        assert not answer.success and answer.message.startswith("snapshot_folder cannot be used")

    def test_that_fails_half_way_is_answered_and_leaves_nothing(self, take, monkeypatch, tmp_path):
        def fail(*_):
            raise MemoryError("no room to draw")

        monkeypatch.setattr("psg_ros.ros.snapshots.annotated", fail)
        _, shoot_once = take()
        answer = shoot_once()
        assert not answer.success and answer.message == "not written: no room to draw"
        assert list((tmp_path / "shots").iterdir()) == []

    def test_a_node_that_ends_meanwhile_does_not_end_the_program_around_it(self, embedding, take):
        node, _ = take()
        client = embedding.peer.create_client(Trigger, f"{NODE}/snapshot")
        embedding.spin_until(client.service_is_ready)
        client.call_async(Trigger.Request())
        embedding.spin_until(lambda: node._streams[0]._snapshots._requests)
        embedding.stop(node)
        embedding.spin_for(0.3, lambda: None)

    def test_that_waits_is_answered_when_the_node_is_deactivated(self, take, embedding):
        node, _ = take(node_seen=False)
        client = embedding.peer.create_client(Trigger, f"{NODE}/snapshot")
        embedding.spin_until(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        embedding.spin_for(0.5, lambda: None)
        assert node.trigger_deactivate().name == "SUCCESS"
        embedding.spin_until(future.done)
        answer = future.result()
        assert not answer.success and answer.message == "the node was deactivated"

    def test_says_so_when_no_image_comes(self, take, monkeypatch, ask):
        monkeypatch.setattr("psg_ros.ros.snapshots.PATIENCE_S", 0.5)
        _, wait_in_vain = take(node_seen=False)
        started_s = time.monotonic()
        answer = wait_in_vain()
        assert not answer.success and answer.message == "no image arrived on /image"
        assert time.monotonic() - started_s < 10

    def test_goes_to_ros_home_unless_told_otherwise(self, take, monkeypatch, tmp_path: Path):
        monkeypatch.setenv("ROS_HOME", str(tmp_path / "home"))
        _, shoot_once = take(snapshot_folder="")
        folder = Path(shoot_once().message)
        assert folder.parent == tmp_path / "home" / "psg_ros" / "snapshots"


def test_each_of_several_cameras_has_its_own_services(embedding, ask):
    embedding.node(model="cup", cameras=["left", "right"])
    left = embedding.camera(topic="/left/image")
    _, graphs = embedding.listen(SceneGraph, "/left/scene_graph")
    embedding.spin_until(lambda: graphs, lambda: shoot(left))
    answer = ask(GetSceneGraph, "get_scene_graph", prefix="/left/scene_graph_node")
    assert answer.success and answer.graph.camera == "left"
    other = ask(GetSceneGraph, "get_scene_graph", prefix="/right/scene_graph_node")
    assert not other.success and other.message.startswith("no graph yet")


def test_services_go_with_the_model(embedding, seen):
    node, _, _ = seen
    embedding.stop(node)
    client = embedding.peer.create_client(GetSceneGraph, f"{NODE}/get_scene_graph")
    embedding.spin_until(lambda: not client.service_is_ready())
