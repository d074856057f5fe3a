# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other ways to say the words that ship; what is held out of a training is not said in any way."""

from __future__ import annotations

from collections import Counter

from psg_ros.resources import share_path
from psg_ros.text.lexicon import load_lexicon
from psg_ros.text.paraphrases import load_paraphrases, ways_to_say

OTHERS = {
    "over": ("above",),
    "on": ("upon", "set down on", "right over the top of"),
    "sitting on": ("seated on",),
}


def test_training_hears_the_lexicon_first_and_then_what_comes_near():
    heard, same = load_paraphrases(), load_lexicon()
    for kind in ("classes", "predicates"):
        others = getattr(heard, kind)
        assert set(others) == set(getattr(same, kind))
        assert all(others[n][: len(said)] == said for n, said in getattr(same, kind).items())
    assert "sofa" in heard.classes["couch"] and "woman" in heard.classes["person"]
    assert "woman" not in same.words()


def test_those_of_one_kind_mean_one_thing():
    known = load_paraphrases()
    for ways in (known.classes, known.predicates):
        said = [word for name, others in ways.items() for word in (name, *others)]
        assert not [word for word, count in Counter(said).items() if count > 1]


def test_what_the_benchmark_keeps_back_is_not_among_them(monkeypatch):
    monkeypatch.syspath_prepend(str(share_path() / "benchmarks"))
    from synonyms import CLASS_SYNONYMS, PREDICATE_SYNONYMS

    asked = [*CLASS_SYNONYMS.values(), *(o for group in PREDICATE_SYNONYMS.values() for o in group)]
    assert len(set(asked)) == len(asked) == 81
    assert load_paraphrases().words().isdisjoint(asked)


def test_the_benchmark_asks_for_the_first_names_of_the_lexicon(monkeypatch):
    monkeypatch.syspath_prepend(str(share_path() / "benchmarks"))
    from synonyms import lexicon_synonyms

    others = {"over": ("above", "higher than", "overhead of"), "table": ("desk",)}
    found = lexicon_synonyms(["over", "table-merged"], others)
    assert found == {"over": ("above", "higher than"), "table": ("desk",)}


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
