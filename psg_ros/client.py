# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""For consumers of /scene_graph: the newest graph, indexed, to ask and to wait for.

Imports no ROS: whoever receives messages hands them over. `psg_ros.ros.client` subscribes for you.
include/psg_ros/client.hpp is the same for C++.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from psg_ros.graph_delta import DeltaFollower
from psg_ros.graph_query import Found, GraphIndex, QueryError, RelationQuery, Words

__all__ = ["Found", "GraphIndex", "QueryError", "RelationQuery", "Scene"]


class Scene:
    """The newest graph of one publisher; any thread may hand over messages or ask.

    Several questions about one graph are asked of `index`, which a newer graph does not change.
    """

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._index: GraphIndex | None = None
        self._count = 0
        self._words: dict[int, Words] = {}
        self._follower = DeltaFollower()

    @property
    def index(self) -> GraphIndex | None:
        """The newest graph; None before the first one."""
        return self._index

    def take_graph(self, graph: Any) -> None:
        """Take the place of the last graph; a SceneGraph message."""
        with self._news:
            self._follower.start_from(graph)
            self._set(graph)

    def take_answer(self, graph: Any) -> None:
        """Take the graph that GetSceneGraph answered with after a delta was missed.

        It does not count where a keyframe or a later graph was faster: nobody goes back in time.
        """
        with self._news:
            if self._follower.graph is None and not self._is_past(graph):
                self.take_graph(graph)

    def take_delta(self, delta: Any) -> bool:
        """Apply a GraphDelta message and return whether the graph is up to date with it.

        If not, a delta was missed: the graph stays as it was until the next keyframe, or until
        `take_answer` gets the answer of GetSceneGraph.
        """
        with self._news:
            in_step = self._follower.apply(delta)
            rebuilt = self._follower.graph
            if rebuilt is not None and not self._has(rebuilt):
                self._set(rebuilt)
            return in_step

    def take_vocabulary(self, vocabulary: Any) -> None:
        """Know inverse and symmetric predicates, and which words exist; a GraphVocabulary message.

        Without it, patterns find predicates by their own names alone.
        """
        words = Words(vocabulary.classes, vocabulary.predicates)
        with self._news:
            self._words[vocabulary.version] = words
            if self._index is not None:
                self._set(self._index.graph)

    def by_id(self, id: int) -> Any | None:
        """Return the node with that id; None if there is none."""
        return self._index.by_id(id) if self._index else None

    def by_class(self, name: str) -> list[Any]:
        """Return the nodes of a class; see `GraphIndex.by_class`."""
        return self._index.by_class(name) if self._index else []

    def holds(self, subject: str, predicate: str, object: str, **limits: Any) -> bool:
        """Return whether any relation fits the patterns; see `GraphIndex.holds`."""
        index = self._index
        return index.holds(subject, predicate, object, **limits) if index else False

    def age(self, now_ns: int | None = None) -> float:
        """Return how many seconds ago the image was taken; infinite before the first graph.

        Args:
            now_ns: by the clock of the stamps, where that is not the system's: simulated time.
        """
        now_ns = time.time_ns() if now_ns is None else now_ns
        return self._index.age(now_ns) if self._index else math.inf

    def wait_until(
        self, condition: Callable[[GraphIndex], bool], timeout_s: float
    ) -> GraphIndex | None:
        """Return the first graph that meets a condition, the present one included.

        Returns:
            None when the time is over.
        """
        end_s = time.monotonic() + timeout_s
        index, seen = self._present()
        while index is None or not condition(index):
            if not self._wait_for_news(seen, end_s - time.monotonic()):
                return None
            index, seen = self._present()
        return index

    def next_graph(self, timeout_s: float) -> GraphIndex | None:
        """Return the next graph that comes; None when the time is over."""
        last = self._index.graph if self._index else None
        return self.wait_until(lambda index: index.graph is not last, timeout_s)

    def _present(self) -> tuple[GraphIndex | None, int]:
        """Return the newest graph and its number: of one moment, or waiting would miss news."""
        with self._news:
            return self._index, self._count

    def _wait_for_news(self, seen: int, timeout_s: float) -> bool:
        """Return whether there are more graphs than those seen, waiting for one."""
        with self._news:
            return self._news.wait_for(lambda: self._count != seen, max(timeout_s, 0.0))

    def _has(self, graph: Any) -> bool:
        return self._index is not None and self._index.graph is graph

    def _is_past(self, graph: Any) -> bool:
        """Whether a later graph of the same activation has been here."""
        last = self._index.graph if self._index else None
        return (
            last is not None
            and graph.activated == last.activated
            and graph.sequence < last.sequence
        )

    def _set(self, graph: Any) -> None:
        with self._news:
            self._index = GraphIndex(graph, self._words.get(graph.vocabulary_version))
            self._count += 1
            self._news.notify_all()
