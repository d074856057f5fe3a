# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a word of a list is to a model: by what training has seen, the lexicon and the list."""

from __future__ import annotations

import dataclasses

import pytest

from psg_ros.word_senses import Sense, Senses

SENSES = Senses(
    frozenset({"couch", "person", "floor wood"}),
    {"sofa": "couch", "settee": "couch", "human": "person", "wooden floor": "floor wood"},
)
TRAINED, KNOWN, APART, NEW = Sense


@pytest.mark.parametrize(
    "names, senses, spoken",
    [
        (["couch", "floor-wood"], [TRAINED, TRAINED], ["couch", "floor wood"]),
        (["Sofa", "human"], [KNOWN, KNOWN], ["couch", "person"]),
        (["sofa", "couch"], [APART, TRAINED], ["sofa", "couch"]),
        (["sofa", "settee", "human"], [APART, APART, KNOWN], ["sofa", "settee", "person"]),
        (["pallet", "forklift"], [NEW, NEW], ["pallet", "forklift"]),
    ],
    ids=["trained", "other names", "beside the trained word", "two names for one", "new"],
)
def test_a_word_takes_the_vector_of_a_trained_one_if_nothing_else_means_it(names, senses, spoken):
    assert SENSES.sort(names) == senses
    assert SENSES.spoken(names) == spoken


def test_literally_a_word_means_its_own_text():
    literal = dataclasses.replace(SENSES, literal=True)
    assert literal.sort(["sofa", "couch", "pallet"]) == [APART, TRAINED, NEW]
    assert literal.spoken(["sofa", "human"]) == ["sofa", "human"]


def test_a_way_to_say_a_word_must_fit_what_was_taught():
    with pytest.raises(ValueError, match=r"has not seen: \['bed'\]"):
        Senses(frozenset({"couch"}), {"bunk": "bed"})
    with pytest.raises(ValueError, match=r"seen themselves: \['couch'\]"):
        Senses(frozenset({"couch", "bed"}), {"couch": "bed"})
