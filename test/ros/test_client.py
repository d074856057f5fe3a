# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SceneSubscriber: the consumer's side over real topics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("psg_ros.srv", reason="needs ROS 2 and our messages")

import rclpy
from embedding import shoot
from rclpy.task import Future

from psg_ros.client import QueryError
from psg_ros.ros.client import SceneSubscriber

pytestmark = pytest.mark.ros


@pytest.fixture
def planner(embedding):
    """Return a node that nobody spins."""
    node = rclpy.create_node("planner", context=embedding.context)
    yield node
    node.destroy_node()


@contextmanager
def running(embedding, camera) -> Iterator[None]:
    """Let the scene graph node and a camera run in another thread."""
    over = threading.Event()
    embedding.spin_for(0.2, lambda: None)

    def run() -> None:
        embedding.spin_until(over.is_set, lambda: shoot(camera))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("deltas", [False, True])
def test_waiting_spins_a_node_that_nobody_spins(embedding, planner, deltas):
    embedding.node(model="cup")
    scene = SceneSubscriber(planner, deltas=deltas)
    assert scene.wait_until(lambda graph: True, 0.2) is None
    with running(embedding, embedding.camera()):
        found = scene.wait_until(lambda graph: graph.by_class("Cup"), 30.0)
        assert found is not None and scene.by_id(found.by_class("cup")[0].id) is not None
        following = scene.next_graph(30.0)
        assert following.graph.sequence > found.graph.sequence
        # The vocabulary has come as well: what it does not know is an error.
        with pytest.raises(QueryError, match="did you mean 'cup'"):
            scene.wait_until(lambda graph: graph.holds("cap", "on", ""), 30.0)
        assert -1.0 < scene.age() < 30.0


def test_an_executor_that_runs_already_keeps_the_scene_up_to_date(embedding):
    embedding.node(model="cup")
    camera = embedding.camera()
    scene = SceneSubscriber(embedding.peer)
    embedding.spin_until(lambda: scene.by_class("cup"), lambda: shoot(camera))
    scene.close()
    count = scene.index.graph.sequence
    embedding.spin_for(0.5, lambda: shoot(camera))
    assert scene.index.graph.sequence == count


def test_closing_withdraws_all_that_was_made(embedding):
    peer = embedding.peer
    before = len(list(peer.subscriptions)), len(list(peer.clients))
    SceneSubscriber(peer, deltas=True).close()
    assert (len(list(peer.subscriptions)), len(list(peer.clients))) == before


def test_a_missed_delta_is_made_up_for(embedding):
    embedding.node(model="cup", delta_keyframe_s=3600.0)
    camera = embedding.camera()
    scene = SceneSubscriber(embedding.peer, deltas=True)
    embedding.spin_until(lambda: scene.index, lambda: shoot(camera))
    scene._follower.graph = None  # as after a loss
    count = scene.index.graph.sequence
    embedding.spin_until(lambda: scene.index.graph.sequence > count + 3, lambda: shoot(camera))


def test_a_question_that_nobody_answers_is_asked_again(embedding, monkeypatch):
    """The node may end between a request and its answer; the next one must be asked, too."""
    monkeypatch.setattr("psg_ros.ros.client.ANSWER_S", 0.2)
    embedding.node(model="cup", delta_keyframe_s=3600.0)
    camera = embedding.camera()
    scene = SceneSubscriber(embedding.peer, deltas=True)
    embedding.spin_until(lambda: scene.index, lambda: shoot(camera))
    ask, lost = scene._client.call_async, Future()
    monkeypatch.setattr(scene._client, "call_async", lambda _: lost)
    scene._follower.graph = None  # as after a loss
    embedding.spin_until(lambda: scene._asked is lost, lambda: shoot(camera))
    monkeypatch.setattr(scene._client, "call_async", ask)
    count = scene.index.graph.sequence
    embedding.spin_until(lambda: scene.index.graph.sequence > count + 3, lambda: shoot(camera))
    assert not lost.done()


def test_one_of_several_cameras(embedding):
    embedding.node(model="cup", cameras=["left", "right"])
    left, right = (embedding.camera(topic=f"/{name}/image") for name in ("left", "right"))
    scene = SceneSubscriber(embedding.peer, "/right")

    def both() -> None:
        shoot(left)
        shoot(right)

    embedding.spin_until(lambda: scene.by_class("cup"), both)
    assert scene.index.graph.camera == "right"
    with pytest.raises(QueryError):
        embedding.spin_until(lambda: scene.holds("cap", "", ""), both)
