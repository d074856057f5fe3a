# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Questions to one scene graph: by id, by class, by patterns of relations.

Works on messages or on anything else with the fields of SceneGraph.msg, GraphDelta.msg and
GraphVocabulary.msg. Imports no ROS. The rules of patterns are written in srv/QueryRelations.srv;
include/psg_ros/client.hpp says the same in C++.
"""

from __future__ import annotations

import difflib
import struct
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from psg_ros.graph_delta import confidence
from psg_ros.quoting import LONGEST, plain, quoted
from psg_ros.scene_graph import RelationState

ID_MARK = "#"
NANOSECONDS = 1_000_000_000


class QueryError(ValueError):
    """A question that has no answer; the text says why and what to ask instead."""


@dataclass(frozen=True)
class RelationQuery:
    """Which relations are wanted; see srv/QueryRelations.srv.

    Raises:
        QueryError: a lowest probability outside 0..1, or an id that is none.
    """

    subject: str = ""
    predicate: str = ""
    object: str = ""
    min_probability: float = 0.0
    confirmed_only: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_probability <= 1.0:
            raise QueryError(f"min_probability must lie in 0..1, not {self.min_probability}")
        for pattern in (self.subject, self.object):
            number = pattern.strip()[len(ID_MARK) :]
            if is_id(pattern) and not (number.isascii() and number.isdigit()):
                raise QueryError(
                    f"{quoted(pattern)} is no node; write {ID_MARK}12 for the one with id 12"
                )


@dataclass(frozen=True)
class Found:
    """The answer to a query.

    Attributes:
        relations: as the graph lists them.
        inverted: for each, whether the subject that was asked for is its object.
        nodes: both ends of all relations, each once.
        why: how many there are, or why there is none.
    """

    relations: list[Any]
    inverted: list[bool]
    nodes: list[Any]
    why: str


class Words:
    """What a vocabulary says of its words, for patterns that name them.

    Without one every word is taken as it is: nothing is misspelled, nothing has an inverse.

    Args:
        classes, predicates: those of a GraphVocabulary message.
    """

    def __init__(self, classes: Iterable[Any] = (), predicates: Iterable[Any] = ()) -> None:
        predicates = list(predicates)
        self._classes = {plain_name(entry.name) for entry in classes}
        self._inverses: dict[str, set[str]] = defaultdict(set)
        self.symmetric = {plain_name(p.name) for p in predicates if p.symmetric}
        self._predicates = {plain_name(p.name) for p in predicates}
        for predicate in predicates:
            if predicate.inverse_name:
                self._inverses[plain_name(predicate.inverse_name)].add(plain_name(predicate.name))

    def check_class(self, name: str) -> None:
        """Raise QueryError for a class that the vocabulary does not have."""
        _check(name, self._classes, "class")

    def check_predicate(self, name: str) -> None:
        """Raise QueryError for what is neither a predicate nor an inverse of one."""
        _check(name, {*self._predicates, *self._inverses} if self._predicates else (), "predicate")

    def inverses(self, predicate: str) -> Collection[str]:
        """Return the predicates that say this one with subject and object swapped."""
        own = {predicate} & self.symmetric
        return own | self._inverses.get(predicate, set())


class GraphIndex:
    """One graph, indexed; never changes, so any number of threads may ask.

    Attributes:
        graph: the message.
    """

    def __init__(self, graph: Any, words: Words | None = None) -> None:
        self.graph = graph
        self._words = words or Words()
        self._by_id = {node.id: node for node in graph.nodes}
        self._by_class: dict[str, list[Any]] = defaultdict(list)
        for node in graph.nodes:
            self._by_class[plain_name(node.class_name)].append(node)

    def by_id(self, id: int) -> Any | None:
        """Return the node with that id; None if there is none."""
        return self._by_id.get(id)

    def by_class(self, name: str) -> list[Any]:
        """Return the nodes of a class; case does not matter, nor do _ and space differ."""
        return list(self._by_class.get(plain_name(name), ()))

    def holds(
        self,
        subject: str,
        predicate: str,
        object: str,
        *,
        min_probability: float = 0.0,
        confirmed_only: bool = False,
    ) -> bool:
        """Return whether any relation fits the three patterns.

        Raises:
            QueryError: a pattern or number that cannot be meant; with a vocabulary also a word that
                it does not have.
        """
        query = RelationQuery(subject, predicate, object, min_probability, confirmed_only)
        return bool(self.find(query).relations)

    def age(self, now_ns: int) -> float:
        """Return how many seconds before `now_ns` the image was taken; negative if after it."""
        stamp = self.graph.header.stamp
        return (now_ns - stamp.sec * NANOSECONDS - stamp.nanosec) / NANOSECONDS

    def find(self, query: RelationQuery) -> Found:
        """Return the relations that a query asks for, in the order of the graph.

        Raises:
            QueryError: a word that the vocabulary does not have.
        """
        # As messages have it: what is shown as 0.7 is then not less than 0.7.
        (least,) = struct.unpack("f", struct.pack("f", query.min_probability))
        fitting = list(self._fitting(query))
        probable = [f for f in fitting if confidence(f[0]) >= least]
        confirmed = [f for f in probable if f[0].state == RelationState.CONFIRMED]
        found = confirmed if query.confirmed_only else probable
        relations = [relation for relation, _ in found]
        ends = dict.fromkeys(end for r in relations for end in (r.subject_id, r.object_id))
        return Found(
            relations,
            [inverted for _, inverted in found],
            [self._by_id[end] for end in ends if end in self._by_id],
            self._why(query, len(fitting), len(probable), len(found)),
        )

    def _fitting(self, query: RelationQuery) -> Iterable[tuple[Any, bool]]:
        """Yield relations that fit the patterns, and whether only the other way round."""
        subjects, objects = self._ids(query.subject), self._ids(query.object)
        wanted = plain_name(query.predicate)
        if wanted:
            self._words.check_predicate(wanted)
        swapped = self._words.inverses(wanted) if wanted else self._words.symmetric
        for relation in self.graph.relations:
            name = plain_name(relation.predicate_name)
            subject, other = relation.subject_id, relation.object_id
            if wanted in ("", name) and _among(subject, subjects) and _among(other, objects):
                yield relation, False
            elif name in swapped and _among(other, subjects) and _among(subject, objects):
                yield relation, True

    def _ids(self, pattern: str) -> Collection[int] | None:
        """Return the ids that a pattern for nodes fits; None for all."""
        if not pattern.strip():
            return None
        if is_id(pattern):
            number = pattern.strip()[len(ID_MARK) :]
            # Python refuses to read numbers of thousands of digits.
            return {int(number)} & self._by_id.keys() if len(number) <= LONGEST else set()
        name = plain_name(pattern)
        self._words.check_class(name)
        return {node.id for node in self._by_class.get(name, ())}

    def _why(self, query: RelationQuery, fitting: int, probable: int, found: int) -> str:
        if found:
            return f"{found} relation{'s' if found > 1 else ''}"
        missing = [p for p in (query.subject, query.object) if self._ids(p) == set()]
        if missing:
            return f"no {' and no '.join(plain(p.strip()) for p in missing)} in the graph"
        if not fitting:
            return "nothing in the graph is so related"
        if not probable:
            return f"{fitting} such, but none of probability {query.min_probability:g} or more"
        tracked = any(relation.state for relation in self.graph.relations)
        why = "" if tracked else ": this node does not follow relations over time"
        return f"{probable} such, but none is confirmed{why}"


def plain_name(name: str) -> str:
    """Return a name as names are compared: lower case, words joined by single spaces."""
    return " ".join(name.lower().replace("_", " ").split())


def is_id(pattern: str) -> bool:
    """Whether a pattern for nodes asks for an id, not for a class."""
    return pattern.strip().startswith(ID_MARK)


def _among(id: int, ids: Collection[int] | None) -> bool:
    return ids is None or id in ids


def _check(name: str, known: Collection[str], what: str) -> None:
    if not known or name in known:
        return
    # Comparing takes time by the length; what is longer is no misspelled name.
    near = difflib.get_close_matches(name, known, n=1) if len(name) <= LONGEST else ()
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(known))}"
    raise QueryError(f"the vocabulary has no {what} {quoted(name)} ({hint})")
