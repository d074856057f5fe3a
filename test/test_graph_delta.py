# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A graph rebuilt from deltas equals the one that was published, whatever happened on the way."""

from __future__ import annotations

import copy
import dataclasses
import math
from types import SimpleNamespace

import pytest
from message_likes import (
    Header,
    RegionOfInterest,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Time,
    Vector,
)

from psg_ros.config import DeltaConfig
from psg_ros.graph_delta import Delta, DeltaEncoder, DeltaFollower, confidence, relation_key

hypothesis = pytest.importorskip("hypothesis", reason="needs hypothesis (extra dev)")
from hypothesis import strategies as st  # noqa: E402

SECOND = 1_000_000_000
ALWAYS = DeltaConfig(delta_keyframe_s=0.0)
RARELY = DeltaConfig(delta_keyframe_s=3600.0)
EXACT = DeltaConfig(3600.0, delta_pixels=0.0, delta_metres=0.0, delta_score=0.0)


def node(id: int, **fields) -> SceneNode:
    filled = {"class_name": "cup", "score": 0.9, "segment_id": id, "area_px": 100}
    return SceneNode(id=id, **{**filled, **fields})


def relation(subject: int, object: int, **fields) -> SceneRelation:
    filled = {"predicate_name": "on", "score": 0.8, "probability": math.nan, "source": 1}
    return SceneRelation(subject_id=subject, object_id=object, **{**filled, **fields})


def graph(sequence: int, nodes=(), relations=(), **fields) -> SceneGraph:
    return SceneGraph(sequence=sequence, nodes=list(nodes), relations=list(relations), **fields)


def send(delta: Delta) -> SimpleNamespace:
    """Return the message as it arrives: no object is shared with the publisher."""
    return SimpleNamespace(**copy.deepcopy(delta.fields()))


class TestWhatIsSent:
    def test_the_first_delta_is_a_keyframe(self):
        delta = DeltaEncoder(RARELY).encode(graph(7, [node(1)], [relation(1, 1)]), 0)
        assert (delta.keyframe, delta.base_sequence, delta.sequence) == (True, 0, 7)
        assert [n.id for n in delta.nodes] == [1] and len(delta.relations) == 1

    def test_nothing_is_sent_of_what_stayed(self):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1, [node(1), node(2)], [relation(1, 2)]), 0)
        delta = encoder.encode(graph(2, [node(1), node(2)], [relation(1, 2)]), SECOND)
        assert (delta.keyframe, delta.base_sequence, delta.sequence) == (False, 1, 2)
        assert not delta.nodes and not delta.relations
        assert not delta.removed_nodes and not delta.removed_relations
        assert delta.segments == [1, 2]

    def test_what_went_is_named(self):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1, [node(1), node(2)], [relation(1, 2, predicate_id=3)]), 0)
        delta = encoder.encode(graph(2, [node(1)]), 0)
        assert delta.removed_nodes == [2]
        assert delta.removed_relations == [(1, 3, 2)]

    @pytest.mark.parametrize(
        "change",
        [
            {"class_name": "mug"},
            {"track_state": 2},
            {"first_seen": Time(1)},
            {"truncated": True},
            {"has_position": True, "position": Vector(0, 0, 1)},
            {"score": 0.79},
            {"bbox": RegionOfInterest(width=6)},
            {"bbox": RegionOfInterest(x_offset=4, width=4)},  # the right edge moves by 8
            {"centroid_y": 5.5},
            {"area_px": 16 * 16},
        ],
    )
    def test_a_node_that_changed_is_sent(self, change):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1, [node(1)]), 0)
        changed = node(1, **change)
        assert encoder.encode(graph(2, [changed]), 0).nodes == [changed]

    @pytest.mark.parametrize(
        "change",
        [
            {"score": 0.81},
            {"bbox": RegionOfInterest(x_offset=2, width=2)},
            {"centroid_y": 4.5},
            {"area_px": 14 * 14},
            {"segment_id": 9},
        ],
    )
    def test_a_node_that_moved_little_is_not(self, change):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1, [node(1)]), 0)
        assert not encoder.encode(graph(2, [node(1, **change)]), 0).nodes

    def test_small_moves_add_up(self):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1, [node(1, centroid_x=0.0)]), 0)
        sent = [
            bool(encoder.encode(graph(1 + i, [node(1, centroid_x=2.0 * i)]), 0).nodes)
            for i in range(1, 7)
        ]
        assert sent == [False, False, True, False, False, True]

    @pytest.mark.parametrize(
        "change",
        [{"state": 2}, {"since": Time(3)}, {"source": 3}, {"probability": 0.5}, {"score": 0.5}],
    )
    def test_a_relation_that_changed_is_sent(self, change):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1, [node(1), node(2)], [relation(1, 2)]), 0)
        changed = relation(1, 2, **change)
        delta = encoder.encode(graph(2, [node(1), node(2)], [changed]), 0)
        assert delta.relations == [changed] and not delta.nodes

    @pytest.mark.parametrize(
        "change",
        [
            {"activated": Time(5)},
            {"vocabulary_version": 2},
            {"image_width": 320},
            {"spatial_frame_id": "map"},
            {"camera": "left"},
        ],
    )
    def test_another_meaning_needs_a_keyframe(self, change):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(1), 0)
        assert encoder.encode(graph(2, **change), 0).keyframe
        assert not encoder.encode(graph(3, **change), 0).keyframe

    def test_keyframes_are_due_after_a_while_and_on_demand(self):
        encoder = DeltaEncoder(DeltaConfig(delta_keyframe_s=2.0))
        stamps = [0, 1, 1.9, 2, 3, 4.5, 4.0]
        keyframes = [
            encoder.encode(graph(i), int(stamp * SECOND)).keyframe
            for i, stamp in enumerate(stamps, 1)
        ]
        # The last one: time went back, before the last keyframe.
        assert keyframes == [True, False, False, True, False, True, True]
        assert not encoder.encode(graph(8), 4 * SECOND).keyframe
        encoder.demand_keyframe()
        assert encoder.encode(graph(9), 4 * SECOND).keyframe

    @pytest.mark.parametrize("following", [1, 5, 7])
    def test_a_graph_that_does_not_follow_needs_a_keyframe(self, following):
        encoder = DeltaEncoder(RARELY)
        encoder.encode(graph(5), 0)
        assert encoder.encode(graph(following), 0).keyframe


class TestWhatAFollowerDoes:
    def test_waits_for_a_keyframe(self):
        encoder, follower = DeltaEncoder(RARELY), DeltaFollower()
        encoder.encode(graph(1), 0)
        assert not follower.apply(send(encoder.encode(graph(2), 0))) and follower.graph is None
        encoder.demand_keyframe()
        assert follower.apply(send(encoder.encode(graph(3), 0)))
        assert follower.graph is not None and follower.graph.sequence == 3

    def test_goes_on_from_a_whole_graph(self):
        encoder, follower = DeltaEncoder(RARELY), DeltaFollower()
        encoder.encode(graph(1, [node(1)]), 0)
        second = graph(2, [node(1), node(2)])
        encoder.encode(second, 0)
        follower.start_from(second)
        assert follower.apply(send(encoder.encode(graph(3, [node(2)]), 0)))
        assert [n.id for n in follower.graph.nodes] == [2]

    def test_a_delta_again_changes_nothing(self):
        encoder, follower = DeltaEncoder(RARELY), DeltaFollower()
        deltas = [send(encoder.encode(graph(i, [node(i)]), 0)) for i in (1, 2)]
        for delta in (*deltas, deltas[1]):
            assert follower.apply(delta)
        assert [n.id for n in follower.graph.nodes] == [2]

    def test_graphs_given_out_stay_as_they_are(self):
        encoder, follower = DeltaEncoder(RARELY), DeltaFollower()
        follower.apply(send(encoder.encode(graph(1, [node(1, segment_id=1)]), 0)))
        first = follower.graph
        follower.apply(send(encoder.encode(graph(2, [node(1, segment_id=2)]), 0)))
        assert [n.segment_id for n in first.nodes] == [1]
        assert [n.segment_id for n in follower.graph.nodes] == [2]

    @pytest.mark.parametrize(
        "nonsense", [{"segments": [9]}, {"relations": [relation(1, 9)]}, {"removed_nodes": [1]}]
    )
    def test_a_delta_that_names_what_is_not_there_is_refused(self, nonsense):
        encoder, follower = DeltaEncoder(RARELY), DeltaFollower()
        follower.apply(send(encoder.encode(graph(1, [node(1)]), 0)))
        delta = encoder.encode(graph(2, [node(1)]), 0)
        assert not follower.apply(send(dataclasses.replace(delta, **nonsense)))
        assert follower.graph is None
        encoder.demand_keyframe()
        assert follower.apply(send(encoder.encode(graph(3), 0)))


@st.composite
def histories(draw):
    """Draw the graphs of one publisher: things come, move, change and go; it may be restarted."""
    ids = st.integers(1, 5)
    small = st.floats(-20, 20, width=32)
    share = st.floats(0, 1, width=32)
    time = st.builds(Time, st.integers(0, 2))
    boxes = st.builds(RegionOfInterest, *[st.integers(0, 12)] * 4)
    vectors = st.builds(Vector, *[st.floats(0, 0.25, width=32)] * 3)
    history, activated, sequence = [], 1, 0
    for _ in range(draw(st.integers(1, 8))):
        if draw(st.integers(0, 9)) == 0:
            activated, sequence = activated + 1, 0
        sequence += 1
        seen = draw(st.lists(ids, unique=True))
        nodes = [
            node(
                i,
                segment_id=place + 1 if draw(st.booleans()) or place % 2 else 0,
                class_name=draw(st.sampled_from(["cup", "mug"])),
                track_state=draw(st.integers(1, 3)),
                first_seen=draw(time),
                score=draw(share),
                bbox=draw(boxes),
                centroid_x=draw(small),
                area_px=draw(st.integers(1, 400)),
                has_position=draw(st.booleans()),
                position=draw(vectors),
                size=draw(vectors),
                position_covariance=[draw(st.floats(0, 0.01)) for _ in range(9)],
            )
            for place, i in enumerate(seen)
        ]
        for entry in nodes:
            if not entry.has_position:
                entry.position, entry.size = (Vector(*[math.nan] * 3) for _ in range(2))
                entry.position_covariance = [math.nan] * 9
        pairs = [(a, b, p) for a in seen for b in seen for p in (0, 1) if a != b]
        chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6)) if pairs else []
        relations = [
            relation(
                a,
                b,
                predicate_id=p,
                predicate_name=("on", "over")[p],
                state=draw(st.integers(0, 3)),
                since=draw(time),
                score=draw(share),
                probability=draw(st.one_of(st.just(math.nan), share)),
            )
            for a, b, p in chosen
        ]
        relations.sort(key=lambda entry: -confidence(entry))
        facts = {
            "activated": Time(activated),
            "quality": draw(st.integers(1, 3)),
            "vocabulary_version": draw(st.sampled_from([1, 1, 1, 2])),
            "header": Header(Time(len(history)), "optical"),
        }
        history.append(graph(sequence, nodes, relations, **facts))
    return history


def near(values, others, limit: float) -> bool:
    return all(
        (math.isnan(a) and math.isnan(b)) or abs(a - b) <= limit * (1 + 1e-9)
        for a, b in zip(values, others, strict=True)
    )


def edges(box: RegionOfInterest) -> tuple[int, ...]:
    left, top = box.x_offset, box.y_offset
    return left, top, left + box.width, top + box.height


def axes(vector: Vector) -> tuple[float, ...]:
    return vector.x, vector.y, vector.z


def assert_equal(rebuilt, full: SceneGraph, settings: DeltaConfig, slack: float) -> None:
    """Exactly what is exact; `slack` times the tolerance for what is measured."""
    for name in vars(full).keys() - {"nodes", "relations", "timing"}:
        assert getattr(rebuilt, name) == getattr(full, name)
    nodes = {entry.id: entry for entry in full.nodes}
    assert len(rebuilt.nodes) == len(nodes)
    for got in rebuilt.nodes:
        want = nodes[got.id]
        exact = ("segment_id", "class_name", "track_state", "first_seen", "has_position")
        assert [getattr(got, name) for name in exact] == [getattr(want, name) for name in exact]
        pixels, metres = slack * settings.delta_pixels, slack * settings.delta_metres
        assert near([got.score], [want.score], slack * settings.delta_score)
        assert near(edges(got.bbox), edges(want.bbox), pixels)
        assert near([got.centroid_x], [want.centroid_x], pixels)
        assert near([math.sqrt(got.area_px)], [math.sqrt(want.area_px)], pixels)
        assert near(axes(got.position), axes(want.position), metres)
        assert near(axes(got.size), axes(want.size), metres)
        assert near(
            got.position_covariance, want.position_covariance, slack * settings.delta_metres**2
        )
    relations = {relation_key(entry): entry for entry in full.relations}
    assert len(rebuilt.relations) == len(relations)
    assert {relation_key(entry) for entry in rebuilt.relations} == relations.keys()
    for got in rebuilt.relations:
        want = relations[relation_key(got)]
        exact = ("predicate_name", "state", "source", "since")
        assert [getattr(got, name) for name in exact] == [getattr(want, name) for name in exact]
        assert near([got.score], [want.score], slack * settings.delta_score)
        assert near([got.probability], [want.probability], slack * settings.delta_score)
    order = [confidence(entry) for entry in rebuilt.relations]
    assert order == sorted(order, reverse=True)


@hypothesis.settings(deadline=None, max_examples=100)
@hypothesis.given(
    history=histories(),
    fates=st.lists(
        st.sampled_from(["arrives", "arrives", "twice", "lost"]), min_size=8, max_size=8
    ),
    cures=st.lists(st.sampled_from(["wait", "keyframe", "graph"]), min_size=8, max_size=8),
    steps_s=st.lists(st.floats(-1, 3), min_size=8, max_size=8),
    settings=st.sampled_from([ALWAYS, RARELY, EXACT, DeltaConfig()]),
)
def test_a_follower_in_step_has_the_published_graph(history, fates, cures, steps_s, settings):
    """Deltas get lost or come twice; then one waits, demands a keyframe, or asks for a graph."""
    encoder, follower, now_s, slack = DeltaEncoder(settings), DeltaFollower(), 0.0, 1
    for full, fate, cure, step_s in zip(history, fates, cures, steps_s, strict=False):
        now_s += step_s
        delta = send(encoder.encode(full, int(now_s * SECOND)))
        if fate == "lost":
            continue
        in_step = [follower.apply(delta) for _ in range(1 + (fate == "twice"))]
        if delta.keyframe:
            assert all(in_step)
            slack = 1
        assert in_step[-1] == (follower.graph is not None)
        if not in_step[-1] and cure == "keyframe":
            encoder.demand_keyframe()
        elif not in_step[-1] and cure == "graph":
            follower.start_from(copy.deepcopy(full))
            slack = 2
        if follower.graph is not None:
            assert_equal(follower.graph, full, settings, slack)


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(history=histories())
def test_without_loss_one_keyframe_is_enough(history):
    encoder, follower = DeltaEncoder(RARELY), DeltaFollower()
    for full in history:
        assert follower.apply(send(encoder.encode(full, 0)))
        assert_equal(follower.graph, full, RARELY, 1)
