# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The consumer's side: the newest graph, asked and waited for, without ROS."""

from __future__ import annotations

import copy
import math
import threading
from types import SimpleNamespace

import pytest
from query_cases import STAMP_NS, scene, vocabulary

from psg_ros.client import GraphIndex, QueryError, Scene
from psg_ros.config import DeltaConfig
from psg_ros.graph_delta import DeltaEncoder


def later(graph, sequence: int, **changes):
    """Return the graph of a later image."""
    changed = copy.deepcopy(graph)
    vars(changed).update(sequence=sequence, **changes)
    return changed


@pytest.fixture
def full() -> Scene:
    """Return a scene with a graph and its vocabulary."""
    full = Scene()
    full.take_vocabulary(vocabulary())
    full.take_graph(later(scene(), 5, vocabulary_version=1))
    return full


def test_before_the_first_graph_there_is_nothing():
    empty = Scene()
    assert empty.index is None and empty.by_id(3) is None and empty.by_class("cup") == []
    assert not empty.holds("cup", "on", "coffee table")
    assert empty.age() == math.inf


def test_the_newest_graph_answers(full: Scene):
    assert full.by_id(3).class_name == "cup"
    assert [node.id for node in full.by_class("CUP")] == [3, 7]
    assert full.holds("cup", "on", "coffee_table", confirmed_only=True)
    assert full.holds("coffee_table", "under", "cup")
    assert not full.holds("cup", "on", "coffee_table", min_probability=0.95)
    assert full.age(STAMP_NS + 2_000_000_000) == 2.0
    full.take_graph(later(full.index.graph, 6, relations=[]))
    assert not full.holds("cup", "on", "coffee_table")


def test_an_index_stays_as_it_is(full: Scene):
    before = full.index
    full.take_graph(later(before.graph, 6, nodes=[], relations=[]))
    assert before.holds("cup", "on", "coffee table") and full.index is not before


def test_words_are_those_of_the_graph(full: Scene):
    """A misspelled class is an error where the vocabulary is known, and only there."""
    with pytest.raises(QueryError, match="did you mean 'cup'"):
        full.holds("cap", "on", "")
    full.take_graph(later(full.index.graph, 6, vocabulary_version=2))
    assert not full.holds("cap", "on", "")
    # And a vocabulary that comes late still counts.
    other = vocabulary()
    other.version = 2
    full.take_vocabulary(other)
    with pytest.raises(QueryError):
        full.holds("cap", "on", "")


def message(delta) -> SimpleNamespace:
    return SimpleNamespace(**copy.deepcopy(delta.fields()))


def test_deltas_do_as_well_as_graphs():
    encoder, following = DeltaEncoder(DeltaConfig(delta_keyframe_s=60.0)), Scene()
    first = scene()
    missed = message(encoder.encode(first, 0))
    second = later(first, 6, relations=first.relations[:1])
    delta = message(encoder.encode(second, 0))
    nothing = following.take_delta(delta), following.index
    assert nothing == (False, None)
    following.take_delta(missed)
    assert following.take_delta(delta) and following.index.graph.sequence == 6
    assert following.holds("cup", "on", "coffee table")
    assert not following.holds("person", "holding", "cup")
    # One got lost: what is known stays, and a whole graph mends it.
    encoder.encode(later(second, 7), 0)
    third = later(second, 8, relations=[])
    assert not following.take_delta(message(encoder.encode(third, 0)))
    assert following.index.graph.sequence == 6
    following.take_answer(third)
    assert following.take_delta(message(encoder.encode(later(third, 9), 0)))
    assert following.index.graph.sequence == 9
    assert not following.holds("cup", "on", "coffee table")


class TestAnswers:
    """GetSceneGraph is asked after a loss; its answer and the deltas come in any order."""

    @pytest.fixture
    def encoder(self) -> DeltaEncoder:
        return DeltaEncoder(DeltaConfig(delta_keyframe_s=60.0))

    @pytest.fixture
    def lost(self, encoder: DeltaEncoder) -> Scene:
        """Return a scene that has graph 1 and missed delta 2 of four."""
        lost = Scene()
        deltas = [message(encoder.encode(later(scene(), number), 0)) for number in (1, 2, 3)]
        assert lost.take_delta(deltas[0]) and not lost.take_delta(deltas[2])
        return lost

    def test_a_keyframe_that_was_faster_stays(self, encoder: DeltaEncoder, lost: Scene):
        encoder.demand_keyframe()
        assert lost.take_delta(message(encoder.encode(later(scene(), 4), 0)))
        lost.take_answer(later(scene(), 3))
        assert lost.index.graph.sequence == 4
        assert lost.take_delta(message(encoder.encode(later(scene(), 5), 0)))

    def test_nobody_goes_back_in_time(self, lost: Scene):
        lost.take_answer(later(scene(), 0))
        assert lost.index.graph.sequence == 1
        lost.take_answer(later(scene(), 0, activated="another time"))
        assert lost.index.graph.sequence == 0

    def test_deltas_that_the_answer_holds_are_no_news(self, encoder: DeltaEncoder, lost: Scene):
        lost.take_answer(later(scene(), 4))
        answer = lost.index
        assert lost.take_delta(message(encoder.encode(later(scene(), 4), 0)))
        assert lost.index is answer and lost.next_graph(0.0) is None


class TestWaiting:
    def test_the_present_graph_counts(self, full: Scene):
        found = full.wait_until(lambda graph: graph.holds("cup", "on", "coffee table"), 0.0)
        assert found is full.index

    def test_time_ends_it(self, full: Scene):
        assert full.wait_until(lambda graph: False, 0.05) is None
        assert full.next_graph(0.05) is None
        assert Scene().wait_until(lambda graph: True, 0.05) is None

    def test_the_first_graph_that_fits_is_returned(self, full: Scene):
        graphs = [later(full.index.graph, 6 + i, relations=[]) for i in range(3)]
        graphs[1].relations = full.index.graph.relations
        full.take_graph(graphs[0])
        coming = threading.Thread(target=lambda: [full.take_graph(g) for g in graphs[1:2]])
        coming.start()
        found = full.wait_until(lambda graph: graph.holds("cup", "on", "coffee table"), 10.0)
        coming.join()
        assert isinstance(found, GraphIndex) and found.graph is graphs[1]

    def test_the_next_graph_is_a_new_one(self, full: Scene):
        new = later(full.index.graph, 6)
        coming = threading.Timer(0.05, full.take_graph, [new])
        coming.start()
        full.take_vocabulary(vocabulary())  # news, but no graph
        assert full.next_graph(10.0).graph is new

    def test_a_graph_that_comes_while_one_looks_is_not_missed(self):
        graphs = [later(scene(), sequence) for sequence in (5, 6)]

        class Interrupted(Scene):
            """Another thread hands over a graph right after the last one was looked at."""

            coming: threading.Thread | None = None

            @property
            def _index(self):
                seen, coming, self.coming = self.seen, self.coming, None
                if coming is not None:
                    coming.start()
                    coming.join(0.1)  # where it may not come now, it comes later
                return seen

            @_index.setter
            def _index(self, index):
                self.seen = index

        interrupted = Interrupted()
        interrupted.take_graph(graphs[0])
        interrupted.coming = threading.Thread(target=interrupted.take_graph, args=graphs[1:])
        found = interrupted.wait_until(lambda index: index.graph is graphs[1], 5.0)
        assert found is not None

    def test_an_error_in_the_condition_comes_out(self, full: Scene):
        with pytest.raises(QueryError):
            full.wait_until(lambda graph: graph.holds("cap", "", ""), 1.0)
