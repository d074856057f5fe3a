# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The split into base and novel names is fixed; these values must never change."""

from __future__ import annotations

import hashlib

from psg_ros.labels import find_vocabulary
from psg_ros.open_set import novel_indices


def test_psg_has_the_published_split():
    psg = find_vocabulary("psg")
    labels, predicates = map(list, map(novel_indices, (psg.label_names, psg.predicate_names)))
    assert (len(labels), len(predicates)) == (40, 17)
    digest = hashlib.sha256(str([predicates, labels]).encode()).hexdigest()
    assert digest.startswith("43d6de65343c23a9")


def test_the_simulated_world_has_a_split_of_its_own():
    names = find_vocabulary("simulation").predicate_names
    novel = {names[index] for index in novel_indices(names)}
    assert novel == {"over", "beside", "sitting on", "about to hit", "holding", "carrying"}


def test_a_split_depends_on_names_and_not_on_their_order_or_spelling():
    names = ["table-merged", "over", "cup", "on", "holding", "sofa", "bed", "in", "door", "box"]
    novel = {names[index] for index in novel_indices(names)}
    turned = names[::-1]
    assert {turned[index] for index in novel_indices(turned)} == novel
    spelled = ["table", *names[1:]]
    assert novel_indices(spelled) == novel_indices(names)
