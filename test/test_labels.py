# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Vocabularies."""

from __future__ import annotations

import pytest

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, bare_name, load_vocabulary
from psg_ros.resources import share_path

GOOD = """
things: [{name: cup, color: '#ff0000'}]
stuff: [{name: floor, color: '#00ff10'}]
predicates: [{name: 'on', inverse: under}, {name: beside, symmetric: true}]
"""


def write(folder, text):
    file = folder / "labels.yaml"
    file.write_text(text)
    return file


def test_things_come_first_and_colours_are_bytes(tmp_path):
    vocabulary = load_vocabulary(write(tmp_path, GOOD))
    assert vocabulary.labels == (
        ObjectLabel("cup", True, (255, 0, 0)),
        ObjectLabel("floor", False, (0, 255, 16)),
    )
    assert vocabulary.predicates == (Predicate("on", "under"), Predicate("beside", "", True))
    assert (vocabulary.num_labels, vocabulary.num_predicates) == (2, 2)


def test_names_are_found_and_unknown_ones_listed(tmp_path):
    vocabulary = load_vocabulary(write(tmp_path, GOOD))
    assert vocabulary.label_index(["floor", "cup"]) == [1, 0]
    assert vocabulary.predicate_index(["beside"]) == [1]
    with pytest.raises(KeyError, match="unknown predicates \\['in'\\].*'on', 'beside'"):
        vocabulary.predicate_index(["in", "on"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("floor", "cup", "label names must be unique"),
        ("beside", "'on'", "predicate names must be unique"),
        ("'#ff0000'", "red", "color of 'cup' must look like"),
        ("'#ff0000'", "'#ff00zz'", "hexadecimal"),
        ("things", "thing", "things"),
        ("inverse", "opposite", "opposite"),
        ("things: [", "things: {", "labels.yaml"),
        (
            "predicates: [{name: 'on', inverse: under}, {name: beside, symmetric: true}]",
            "predicates: beside",
            "predicates must be a list of mappings such as .* not 'beside'",
        ),
        ("{name: 'on', inverse: under}", "beside", "predicates must be a list of mappings"),
    ],
)
def test_a_damaged_vocabulary_is_refused_with_its_name_and_cause(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message) as error:
        load_vocabulary(write(tmp_path, GOOD.replace(old, new)))
    assert "labels.yaml is not a vocabulary" in str(error.value)


def test_a_thing_after_stuff_is_refused():
    labels = (ObjectLabel("floor", False, (0, 0, 0)), ObjectLabel("cup", True, (0, 0, 0)))
    with pytest.raises(ValueError, match="things must come before stuff"):
        Vocabulary(labels, ())


def test_the_psg_vocabulary_has_the_published_sizes():
    psg = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml")
    assert sum(label.is_thing for label in psg.labels) == 80
    assert (psg.num_labels, psg.num_predicates) == (133, 56)
    assert psg.label_names[0] == "person" and psg.predicate_names[0] == "over"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("wall-other-merged", "wall"),
        ("door-stuff", "door"),
        ("Dining Table", "dining-table"),
        ("potted_plant", "potted-plant"),
        ("wall-brick", "wall-brick"),
        ("some-others", "some-others"),
    ],
)
def test_names_of_other_data_sets_are_compared_bare(name, bare):
    assert bare_name(name) == bare
