# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other ways to say the words that ship; what is held out of a training is not said in any way."""

from __future__ import annotations

from collections import Counter

from psg_ros.labels import find_vocabulary, phrase
from psg_ros.resources import share_path
from psg_ros.text.paraphrases import load_paraphrases, ways_to_say
from psg_ros.word_rules import check_words

OTHERS = {
    "over": ("above",),
    "on": ("upon", "set down on", "right over the top of"),
    "sitting on": ("seated on",),
}


def test_all_words_that_ship_have_other_ways_to_say_them():
    known = load_paraphrases()
    for file in (share_path() / "config" / "labels").glob("*.yaml"):
        vocabulary = find_vocabulary(file.stem)
        assert set(map(phrase, vocabulary.label_names)) <= set(known.classes)
        assert set(map(phrase, vocabulary.predicate_names)) <= set(known.predicates)
    assert min(map(len, (known.classes | known.predicates).values())) >= 2


def test_they_are_words_and_those_of_one_kind_mean_one_thing():
    known = load_paraphrases()
    for kind, ways in (("classes", known.classes), ("predicates", known.predicates)):
        said = [word for name, others in ways.items() for word in (name, *others)]
        twice = [word for word, count in Counter(said).items() if count > 1]
        assert not twice
        check_words(said, kind, len(said))


def test_what_the_benchmark_asks_for_is_not_among_them(monkeypatch):
    monkeypatch.syspath_prepend(str(share_path() / "benchmarks"))
    from synonyms import CLASS_SYNONYMS, PREDICATE_SYNONYMS

    said = {way for group in load_paraphrases().groups() for way in group}
    asked = [*CLASS_SYNONYMS.values(), *(o for group in PREDICATE_SYNONYMS.values() for o in group)]
    assert said.isdisjoint(asked)


def test_the_first_paraphrases_are_what_the_benchmark_calls_heard(monkeypatch):
    monkeypatch.syspath_prepend(str(share_path() / "benchmarks"))
    from synonyms import heard_synonyms

    others = {"over": ("above", "higher than", "overhead of"), "table": ("desk",)}
    heard = heard_synonyms(["over", "table-merged"], others)
    assert heard == {"over": ("above", "higher than"), "table-merged": ("desk",)}


def test_a_name_comes_first():
    assert ways_to_say(["on", "table-merged"], OTHERS) == [["on", *OTHERS["on"]], ["table"]]


def test_a_way_that_is_another_of_the_names_is_left_out():
    others = {"looking at": ("watching", "gazing at")}
    assert ways_to_say(["looking at", "watching"], others)[0] == ["looking at", "gazing at"]
    ways = ways_to_say(["on", "put in"], {"on": ("put on",)}, held_out=["put on"])
    assert ways == [["on"], ["put in"]]


def test_what_is_held_out_is_not_heard_of_in_other_ways():
    ways = ways_to_say(["over", "on", "sitting on"], OTHERS, held_out=["over", "sitting on"])
    assert ways == [["over"], ["on", "upon", "set down on"], ["sitting on"]]
