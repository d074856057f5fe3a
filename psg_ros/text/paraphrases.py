# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other ways to say the words of the vocabularies that ship: what a head learns words from.

A head that has seen one vector for "beside" knows a point; one that has also seen those of "at the
side of" and "adjacent to" knows what is near it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from psg_ros.labels import phrase
from psg_ros.resources import share_path

FILE = Path("config") / "words" / "paraphrases.yaml"


@dataclass(frozen=True)
class Paraphrases:
    """Phrase -> other ways to say it.

    Attributes:
        classes, predicates: phrases as `psg_ros.labels.phrase` gives them; PSG's are all there.
    """

    classes: Mapping[str, tuple[str, ...]]
    predicates: Mapping[str, tuple[str, ...]]

    def groups(self) -> list[tuple[str, ...]]:
        """Return all phrases: those of one meaning together, the name first."""
        both = (*self.classes.items(), *self.predicates.items())
        return [(name, *others) for name, others in both]


@cache
def load_paraphrases() -> Paraphrases:
    """Read the file of the package."""
    content = yaml.safe_load((share_path() / FILE).read_text(encoding="utf-8"))
    kinds = ("classes", "predicates")
    return Paraphrases(*({n: tuple(o) for n, o in content[kind].items()} for kind in kinds))


def ways_to_say(
    names: Sequence[str], others: Mapping[str, Sequence[str]], held_out: Collection[str] = ()
) -> list[list[str]]:
    """Return of each name the phrases that training may say: itself first.

    Args:
        others: `Paraphrases.classes` or `.predicates`.
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
