# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other names: of the lexicon that ships, and of a user's own file."""

from __future__ import annotations

import pytest

from psg_ros.labels import find_vocabulary, phrase
from psg_ros.resources import share_path
from psg_ros.text.lexicon import load_lexicon, own_ways, read_lexicon, ways_to_mean

VOCABULARIES = [file.stem for file in (share_path() / "config" / "labels").glob("*.yaml")]


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_word_that_ships_has_other_names_and_none_is_another_word(vocabulary):
    known, words = load_lexicon(), find_vocabulary(vocabulary)
    for names, others in (
        (words.label_names, known.classes),
        (words.predicate_names, known.predicates),
    ):
        phrases = set(map(phrase, names))
        assert phrases <= set(others)
        assert min(len(others[name]) for name in phrases) >= 2
        ways = ways_to_mean(others, frozenset(phrases))
        assert phrases.isdisjoint(ways)
        assert all(ways[other] == name for name in phrases for other in others[name])


def test_a_class_is_no_predicate():
    known = load_lexicon()
    classes, predicates = (
        {word for name, others in names.items() for word in (name, *others)}
        for names in (known.classes, known.predicates)
    )
    assert classes.isdisjoint(predicates)


@pytest.mark.parametrize(
    "kind, said, meant",
    [
        ("classes", "sofa", "couch"),
        ("classes", "fridge", "refrigerator"),
        ("classes", "mobile phone", "cell phone"),
        ("classes", "sidewalk", "pavement"),
        ("predicates", "resting on", "lying on"),
        ("predicates", "next to", "beside"),
        ("predicates", "on top of", "on"),
        ("predicates", "leaning against", "leaning on"),
    ],
)
def test_everyday_words_are_there(kind, said, meant):
    assert said in getattr(load_lexicon(), kind)[meant]


def test_names_mean_whichever_of_them_was_trained():
    names = {"couch": ("sofa", "settee"), "bed": ("bunk",)}
    assert ways_to_mean(names, frozenset({"sofa"})) == {"couch": "sofa", "settee": "sofa"}
    assert ways_to_mean(names, frozenset({"sofa", "couch"})) == {}, "nobody can say which"


def test_own_names_build_on_known_ones():
    taught, known = frozenset({"couch", "cup"}), {"sofa": "couch"}
    names = {"sofa": ("lounge piece",), "cup": ("beaker",)}
    assert own_ways(names, taught, known, "classes") == {"lounge piece": "couch", "beaker": "cup"}
    with pytest.raises(ValueError, match="classes: 'bed' is neither a word that the model was"):
        own_ways({"bed": ("bunk",)}, taught, known, "classes")
    with pytest.raises(ValueError, match="'cup' cannot mean 'couch': the model was trained with"):
        own_ways({"sofa": ("cup",)}, taught, known, "classes")


def test_a_closed_list_has_no_other_names():
    assert own_ways({}, frozenset(), {}, "classes") == {}
    with pytest.raises(ValueError, match="the classes of this model are a closed list"):
        own_ways({"couch": ("sofa",)}, frozenset(), {}, "classes")


@pytest.mark.parametrize("word", ["plant pot", "bat", "vessel", "at the back of"])
def test_a_word_that_means_something_else_as_well_is_not_taken_for_a_trained_one(word):
    assert word not in load_lexicon().words()


def test_a_trained_word_may_stand_among_the_others_of_a_word_that_means_it():
    taught, known = frozenset({"couch"}), {"sofa": "couch"}
    ways = own_ways({"sofa": ("couch", "lounge piece")}, taught, known, "classes")
    assert ways == {"lounge piece": "couch"}


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("[sofa]", "must hold classes and predicates"),
        ("", "must hold classes and predicates"),
        ("labels: {couch: [sofa]}", "must hold classes and predicates"),
        ("classes: [sofa]", "must be names with lists of others"),
        ("classes: {couch: sofa}", "'couch' needs a list of others"),
        ("classes: {couch: [sofa], bed: [Sofa]}", "'Sofa' stands there twice, for 'couch' and"),
        ("predicates: {on: [upon]}", "must be text .YAML: quote"),
        ("classes: {couch: ['диван']}", "not Latin"),
        ("classes: {couch: [", "is not YAML"),
        ("classes: {couch: " + 99 * "[", "is not YAML: it is nested deeper than 50"),
    ],
)
def test_a_file_that_is_no_lexicon_is_refused(tmp_path, content, complaint):
    (tmp_path / "ours.yaml").write_text(content)
    with pytest.raises(ValueError, match=rf"ours.yaml.*{complaint}"):
        read_lexicon(tmp_path / "ours.yaml")
