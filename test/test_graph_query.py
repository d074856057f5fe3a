# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Patterns of relations, asked of one graph."""

from __future__ import annotations

import time

import pytest
from message_likes import ClassInfo, PredicateInfo, SceneGraph, SceneNode, SceneRelation
from query_cases import CASES, REFUSED, STAMP_NS, Case, scene, vocabulary

from psg_ros.graph_query import GraphIndex, QueryError, RelationQuery, Words


def index(with_vocabulary: bool = True) -> GraphIndex:
    words = vocabulary()
    known = Words(words.classes, words.predicates) if with_vocabulary else None
    return GraphIndex(scene(), known)


def query(case: Case) -> RelationQuery:
    asked = (case.subject, case.predicate, case.object)
    return RelationQuery(*asked, case.min_probability, case.confirmed_only)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_found_is_what_the_patterns_say(case: Case):
    scene_index = index(case.with_vocabulary)
    relations = scene_index.graph.relations
    found = scene_index.find(query(case))
    assert [relations.index(entry) for entry in found.relations] == list(case.found)
    inverted = [place for place, swapped in zip(case.found, found.inverted, strict=True) if swapped]
    assert inverted == list(case.inverted)
    ends = {end for r in found.relations for end in (r.subject_id, r.object_id)}
    assert sorted(entry.id for entry in found.nodes) == sorted(ends)
    holds = scene_index.holds(
        case.subject,
        case.predicate,
        case.object,
        min_probability=case.min_probability,
        confirmed_only=case.confirmed_only,
    )
    assert holds == bool(case.found)


@pytest.mark.parametrize("case, text", REFUSED, ids=str)
def test_what_cannot_be_meant_is_refused(case: Case, text: str):
    with pytest.raises(QueryError) as refusal:
        index().find(query(case))
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    "asked, why",
    [
        (RelationQuery("cup", "on"), "1 relation"),
        (RelationQuery(), "5 relations"),
        (RelationQuery("dog", "", "#99"), "no dog and no #99 in the graph"),
        (RelationQuery("", "", "dog"), "no dog in the graph"),
        (RelationQuery("person", "on"), "nothing in the graph is so related"),
        (
            RelationQuery("person", "holding", "", 0.9),
            "1 such, but none of probability 0.9 or more",
        ),
        (RelationQuery("person", "holding", "", 0.1, True), "1 such, but none is confirmed"),
    ],
    ids=str,
)
def test_an_answer_says_why(asked: RelationQuery, why: str):
    assert index().find(asked).why == why


def test_none_is_confirmed_where_relations_are_not_followed():
    graph = scene()
    for entry in graph.relations:
        entry.state = 0
    why = GraphIndex(graph).find(RelationQuery(confirmed_only=True)).why
    assert why.startswith("5 such, but none is confirmed: this node does not follow relations")


@pytest.mark.parametrize("name", ["x" * 1_000_000, "cup\n[ERROR] made up", "\x1b[2J", "#\x1b[2J"])
@pytest.mark.parametrize("place", ["subject", "predicate", "object"])
def test_what_others_send_is_quoted_and_cut(name: str, place: str):
    if place == "predicate" and name.startswith("#"):
        name = name[1:]
    with pytest.raises(QueryError) as refusal:
        index().find(RelationQuery(**{place: name}))
    text = str(refusal.value)
    assert text.isprintable() and len(text) < 300


def test_nodes_by_id_and_class():
    scene_index = index()
    assert scene_index.by_id(12).class_name == "Coffee_Table" and scene_index.by_id(4) is None
    assert [node.id for node in scene_index.by_class("Cup")] == [3, 7]
    assert [node.id for node in scene_index.by_class("coffee table")] == [12]
    assert scene_index.by_class("dog") == scene_index.by_class("") == []


def test_age_is_measured_from_the_stamp():
    assert index().age(STAMP_NS + 1_500_000_000) == 1.5
    assert index().age(STAMP_NS - 250_000_000) == -0.25


def test_an_answer_takes_less_than_a_millisecond():
    """Of the processor's time, which other programs on the machine do not change."""
    classes = [ClassInfo(id=i, name=f"class {i}") for i in range(133)]
    predicates = [PredicateInfo(id=i, name=f"predicate {i}") for i in range(56)]
    nodes = [SceneNode(id=i, class_name=f"class {i}") for i in range(1, 41)]
    pairs = [(a, b) for a in range(1, 11) for b in range(11, 21)]
    relations = [
        SceneRelation(a, b, a, f"predicate {a}", probability=0.5, score=0.5) for a, b in pairs
    ]
    graph, words = SceneGraph(nodes=nodes, relations=relations), Words(classes, predicates)
    times_s = []
    for _ in range(20):
        start_s = time.thread_time()
        found = GraphIndex(graph, words).find(RelationQuery("", "predicate 3", "class 12"))
        times_s.append(time.thread_time() - start_s)
    assert len(found.relations) == 1
    assert min(times_s) < 1e-3
