# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GraphMemory: the last graph of one camera, ready to be asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from psg_ros.graph_query import GraphIndex, Words
from psg_ros.labels import Vocabulary
from psg_ros.msg import SceneGraph
from psg_ros.ros.finished_frame import FinishedFrame


class GraphMemory:
    """Filled by the worker's thread, read by any other; an index is made once it is asked for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Have no graph; call while no frame is being processed."""
        self._last: tuple[SceneGraph, Vocabulary] | None = None
        self._index: GraphIndex | None = None
        self._words: tuple[Vocabulary, Words] | None = None

    def remember(self, finished: FinishedFrame) -> None:
        """Keep this graph, without its image, instead of the last one; see `FrameProcessor`."""
        self._last = finished.message, finished.vocabulary

    @property
    def index(self) -> GraphIndex | None:
        """The last graph, indexed; None before the first one."""
        last, index = self._last, self._index
        if last is None:
            return None
        graph, vocabulary = last
        if index is None or index.graph is not graph:  # most graphs are never asked for
            index = self._index = GraphIndex(graph, self._words_of(vocabulary))
        return index

    def _words_of(self, vocabulary: Vocabulary) -> Words:
        known = self._words
        if known is None or known[0] is not vocabulary:
            known = self._words = vocabulary, Words(vocabulary.labels, _predicates(vocabulary))
        return known[1]


def _predicates(vocabulary: Vocabulary) -> list[Any]:
    """Return the predicates with the names of fields that messages have."""
    return [
        SimpleNamespace(name=p.name, inverse_name=p.inverse, symmetric=p.symmetric)
        for p in vocabulary.predicates
    ]
