# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other ways to say the words of the vocabularies that ship: what a head learns words from.

A head that has seen one vector for "beside" knows a point; one that has also seen those of "at the
side of" and "to one side of" knows what is near it. Training hears the lexicon, whose words mean
the same, and besides words that only come near.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache

from psg_ros.labels import phrase
from psg_ros.resources import share_path
from psg_ros.text.lexicon import FOLDER, Lexicon, Names, load_lexicon, read_lexicon

FILE = FOLDER / "paraphrases.yaml"


@cache
def load_paraphrases() -> Lexicon:
    """Read what training hears: of each word those of the lexicon first, then the near ones."""
    same, near = load_lexicon(), read_lexicon(share_path() / FILE)
    return Lexicon(_joined(same.classes, near.classes), _joined(same.predicates, near.predicates))


def _joined(same: Names, near: Names) -> Names:
    return {name: (*others, *near.get(name, ())) for name, others in same.items()}


def ways_to_say(
    names: Sequence[str], others: Mapping[str, Sequence[str]], held_out: Collection[str] = ()
) -> list[list[str]]:
    """Return of each name the phrases that training may say: itself first.

    Args:
        others: `Lexicon.classes` or `.predicates`.
            One that is another of the names is left out: a vector cannot stand for two columns.
        held_out: names that the training must know nothing of. They have no paraphrase, and those
            of other names that share a word with them, which no trained name has, are left out.
    """
    hidden = {phrase(name) for name in held_out}
    said = {word for name in names if phrase(name) not in hidden for word in phrase(name).split()}
    forbidden = {word for name in hidden for word in name.split()} - said
    taken = {phrase(name) for name in (*names, *held_out)}
    ways = []
    for name in map(phrase, names):
        allowed = (
            [] if name in hidden else [way for way in others.get(name, ()) if way not in taken]
        )
        ways.append([name, *(way for way in allowed if forbidden.isdisjoint(way.split()))])
    return ways
