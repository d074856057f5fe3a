# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One graph and what is asked of it, for the Python and the C++ client alike."""

from __future__ import annotations

import math
from typing import NamedTuple

from message_likes import (
    ClassInfo,
    GraphVocabulary,
    Header,
    PredicateInfo,
    SceneGraph,
    SceneNode,
    SceneRelation,
    Time,
)

CLASSES = ("cup", "Coffee_Table", "person", "dog")
PREDICATES = (
    PredicateInfo(name="on", inverse_name="under"),
    PredicateInfo(name="over", inverse_name="under"),
    PredicateInfo(name="beside", symmetric=True),
    PredicateInfo(name="holding", inverse_name="held by"),
)
TENTATIVE, CONFIRMED, FADING = 1, 2, 3

STAMP_NS = 100_250_000_000


def relation(subject: int, predicate: int, object: int, probability: float, state: int, **more):
    name = PREDICATES[predicate].name
    return SceneRelation(subject, object, predicate, name, 0.4, probability, state, **more)


def vocabulary() -> GraphVocabulary:
    """Return the words of the graph; no node is a dog."""
    classes = [ClassInfo(id=i, name=name) for i, name in enumerate(CLASSES)]
    return GraphVocabulary(version=1, classes=classes, predicates=list(PREDICATES))


def scene() -> SceneGraph:
    """Return two cups on and beside a table, one of them in somebody's hand."""
    classes = {3: 0, 7: 0, 12: 1, 20: 2}
    nodes = [SceneNode(id=i, class_id=c, class_name=CLASSES[c]) for i, c in classes.items()]
    relations = [
        relation(3, 0, 12, 0.9, CONFIRMED),
        relation(20, 3, 7, 0.8, TENTATIVE),
        relation(7, 1, 12, 0.7, CONFIRMED),
        relation(3, 2, 7, 0.6, FADING),
        relation(20, 2, 12, math.nan, CONFIRMED),
    ]
    header = Header(Time(STAMP_NS // 10**9, STAMP_NS % 10**9), "camera_optical_frame")
    return SceneGraph(header=header, sequence=5, nodes=nodes, relations=relations)


class Case(NamedTuple):
    """A query and the places of the relations that answer it; those in `inverted` swapped."""

    subject: str = ""
    predicate: str = ""
    object: str = ""
    found: tuple[int, ...] = ()
    inverted: tuple[int, ...] = ()
    min_probability: float = 0.0
    confirmed_only: bool = False
    with_vocabulary: bool = True


CASES = (
    Case(found=(0, 1, 2, 3, 4)),
    Case("cup", found=(0, 2, 3)),
    Case("CUP", "On", "coffee table", found=(0,)),
    Case(" cup ", "on", "Coffee__TABLE", found=(0,)),
    Case("#3", found=(0, 3)),
    Case(" #3 ", "", "#12", found=(0,)),
    Case("#7", "beside", found=(3,), inverted=(3,)),
    Case("#3", "beside", "#7", found=(3,)),
    Case("", "beside", found=(3, 4)),
    Case("#12", found=(4,), inverted=(4,)),
    Case("coffee table", "under", "cup", found=(0, 2), inverted=(0, 2)),
    Case("cup", "under", "coffee table"),
    Case("", "HELD_BY", "person", found=(1,), inverted=(1,)),
    Case("person", "holding", "cup", found=(1,)),
    Case("dog"),
    Case("#99"),
    Case("#99999999999999999999"),
    Case("#" + "9" * 5000),
    Case("#0"),
    Case(min_probability=0.7, found=(0, 1, 2)),
    # Without a probability the score counts.
    Case(min_probability=0.39, found=(0, 1, 2, 3, 4)),
    Case("person", min_probability=0.5, found=(1,)),
    Case(min_probability=1.0),
    Case(confirmed_only=True, found=(0, 2, 4)),
    Case("cup", confirmed_only=True, min_probability=0.8, found=(0,)),
    Case("cup", "on", "coffee table", with_vocabulary=False, found=(0,)),
    # What is symmetric, and what the inverse is, the vocabulary knows.
    Case("#7", "beside", with_vocabulary=False),
    Case("", "under", with_vocabulary=False),
    Case("unicorn", with_vocabulary=False),
)

REFUSED = (
    (Case("cap"), "the vocabulary has no class 'cap' (did you mean 'cup'?)"),
    (Case("", "", "cap"), "the vocabulary has no class 'cap' (did you mean 'cup'?)"),
    (
        Case("", "xyzzy"),
        "the vocabulary has no predicate 'xyzzy' "
        "(known are beside, held by, holding, on, over, under)",
    ),
    (Case("#twelve"), "'#twelve' is no node; write #12 for the one with id 12"),
    (Case("", "", "#"), "'#' is no node; write #12 for the one with id 12"),
    (Case("#-3"), "'#-3' is no node; write #12 for the one with id 12"),
    (Case(min_probability=1.5), "min_probability must lie in 0..1, not 1.5"),
    (Case(min_probability=-0.5), "min_probability must lie in 0..1, not -0.5"),
    (Case(min_probability=math.nan), "min_probability must lie in 0..1, not nan"),
)
