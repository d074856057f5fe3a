# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SceneSubscriber: a `Scene` that listens to the node by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from psg_ros.client import Found, GraphIndex, QueryError, RelationQuery, Scene
from psg_ros.msg import GraphDelta, GraphVocabulary, SceneGraph
from psg_ros.ros.start import DELTA_TOPIC, GRAPH_SERVICE, GRAPH_TOPIC, NODE_NAME, VOCABULARY_TOPIC
from psg_ros.ros.topics import OUTPUTS
from psg_ros.srv import GetSceneGraph

__all__ = ["Found", "GraphIndex", "QueryError", "RelationQuery", "Scene", "SceneSubscriber"]

ANSWER_S = 2.0
"""How long an answer is waited for: a node that ends meanwhile gives none (our choice)."""


class SceneSubscriber(Scene):
    """Keeps the newest graph of one scene graph node.

    It learns of graphs while `node` is spun. If nobody spins it, waiting does; if an executor does,
    wait in another thread than its callbacks.

    Args:
        namespace: where the scene graph node or one of its cameras is, as in "front"; empty: where
            `node` is.
        deltas: listen to changes instead of whole graphs, over a thin line; a missed one is made up
            for by asking the node.
        node_name: of the scene graph node.
    """

    def __init__(
        self,
        node: Node,
        namespace: str = "",
        *,
        deltas: bool = False,
        node_name: str = NODE_NAME,
    ) -> None:
        super().__init__()
        self._node = node
        self._asked: Future | None = None
        self._asked_s = 0.0
        self._client: Any = None

        def name(topic: str) -> str:
            absolute = topic.replace("~", node_name)
            return f"{namespace.rstrip('/')}/{absolute}" if namespace else absolute

        vocabulary_qos = OUTPUTS[VOCABULARY_TOPIC].qos
        self._subscriptions: list[Any] = [
            node.create_subscription(
                GraphVocabulary, name(VOCABULARY_TOPIC), self.take_vocabulary, vocabulary_qos
            )
        ]
        if deltas:
            self._client = node.create_client(GetSceneGraph, name(GRAPH_SERVICE))
            self._subscriptions.append(
                node.create_subscription(
                    GraphDelta, name(DELTA_TOPIC), self._on_delta, OUTPUTS[DELTA_TOPIC].qos
                )
            )
        else:
            # Depth 1: the newest graph, no queue of old ones.
            self._subscriptions.append(
                node.create_subscription(SceneGraph, name(GRAPH_TOPIC), self.take_graph, 1)
            )

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        if self._client is not None:
            self._node.destroy_client(self._client)
            self._client = None

    def _on_delta(self, delta: Any) -> None:
        if self.take_delta(delta) or self._is_waiting() or not self._client.service_is_ready():
            return
        self._asked, self._asked_s = (
            self._client.call_async(GetSceneGraph.Request(keyframe=True)),
            time.monotonic(),
        )
        self._asked.add_done_callback(self._on_answer)

    def _is_waiting(self) -> bool:
        """Whether the node was asked and may still answer."""
        if self._asked is None or self._asked.done():
            return False
        if time.monotonic() - self._asked_s < ANSWER_S:
            return True
        self._client.remove_pending_request(self._asked)
        return False

    def _on_answer(self, future: Future) -> None:
        answer = future.result()
        if answer is not None and answer.success:
            self.take_answer(answer.graph)

    def _wait_for_news(self, seen: int, timeout_s: float) -> bool:
        if self._node.executor is not None:
            return super()._wait_for_news(seen, timeout_s)
        return _spin(self._node, lambda: self._count != seen, timeout_s)


def _spin(node: Node, condition: Callable[[], bool], timeout_s: float) -> bool:
    """Spin a node that nobody else spins until the condition is met; returns whether it is."""
    end_s = time.monotonic() + timeout_s
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        while not condition() and (left_s := end_s - time.monotonic()) > 0:
            executor.spin_once(timeout_sec=left_s)
    finally:
        executor.remove_node(node)
        executor.shutdown()
    return condition()
