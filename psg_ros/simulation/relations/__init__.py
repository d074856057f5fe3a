# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations of a view, each predicate by a written rule over physics and geometry."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np

from psg_ros.simulation.catalog import PREDICATES
from psg_ros.simulation.relations.about_to_hit import about_to_hit
from psg_ros.simulation.relations.beside import beside
from psg_ros.simulation.relations.containment import enclosing, inside
from psg_ros.simulation.relations.facts import SceneFacts
from psg_ros.simulation.relations.fastened import (
    attached_to,
    carrying,
    hanging_from,
    holding,
)
from psg_ros.simulation.relations.in_front_of import in_front_of
from psg_ros.simulation.relations.leaning_on import leaning_on
from psg_ros.simulation.relations.over import over
from psg_ros.simulation.relations.support import (
    lying_on,
    on,
    parked_on,
    riding,
    sitting_on,
    standing_on,
    walking_on,
)
from psg_ros.simulation.relations.touching import touching

Rule = Callable[[SceneFacts, int, int], bool]

# In order of priority: the first rule that holds names a pair, in whichever direction it holds.
RULES: dict[str, Rule] = {
    "about to hit": about_to_hit,
    "carrying": carrying,
    "holding": holding,
    "hanging from": hanging_from,
    "attached to": attached_to,
    "in": inside,
    "leaning on": leaning_on,
    "riding": riding,
    "sitting on": sitting_on,
    "walking on": walking_on,
    "lying on": lying_on,
    "standing on": standing_on,
    "parked on": parked_on,
    "on": on,
    "touching": touching,
    "over": over,
    "in front of": in_front_of,
    "beside": beside,
}
# Marked in addition, against the direction of a pair that has a name already.
REVERSE_RULES: dict[str, Rule] = {"enclosing": enclosing}


def relate(facts: SceneFacts) -> np.ndarray:
    """All relations of a view: one predicate for a pair, and "enclosing" against "in".

    Returns:
        int32 [relation, 3] of subject, object and predicate index, sorted; [0, 3] if none.
    """
    found = []
    named: set[frozenset[int]] = set()
    pairs = list(permutations(range(len(facts.names)), 2))
    for predicate, rule in RULES.items():
        for subject, target in pairs:
            pair = frozenset((subject, target))
            if pair not in named and rule(facts, subject, target):
                named.add(pair)
                found.append((subject, target, PREDICATES.index(predicate)))
    for predicate, rule in REVERSE_RULES.items():
        for subject, target in pairs:
            if rule(facts, subject, target):
                found.append((subject, target, PREDICATES.index(predicate)))
    return np.array(sorted(found), np.int32).reshape(-1, 3)
