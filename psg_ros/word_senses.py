# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Senses: which words of a list training has seen, which say the same as one of these, and which
are new to the model.

The rule: a known way to say a trained word takes the vector of that word, as long as nothing else
in the list means it. Where several words of a list mean the same, somebody wants them told apart,
and each keeps the vector of its own text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from psg_ros.labels import phrase


class Sense(Enum):
    """What a word is to a model, and how that is said to people."""

    TRAINED = "trained"
    KNOWN = "known ways to say a trained word"
    APART = "known, but kept apart, each by its own text"
    NEW = "new to the model"


@dataclass(frozen=True)
class Senses:
    """What a network knows of the words of one list, classes or predicates.

    Attributes:
        taught: phrases that training has seen.
        ways: another phrase -> the taught one that it is a known way to say.
        literal: whether every word keeps the vector of its own text, whatever it is known to mean.

    Raises:
        ValueError: a way to say a word that is not taught, or a taught word that is one.
    """

    taught: frozenset[str] = frozenset()
    ways: Mapping[str, str] = field(default_factory=dict)
    literal: bool = False

    def __post_init__(self) -> None:
        if strange := sorted(set(self.ways.values()) - self.taught):
            raise ValueError(f"ways to say words that training has not seen: {strange}")
        if taught := sorted(self.taught & set(self.ways)):
            raise ValueError(f"ways to say other words that training has seen themselves: {taught}")

    def meaning(self, name: str) -> str:
        """Return the taught word that a name is or means; empty if it is new."""
        said = phrase(name)
        return said if said in self.taught else self.ways.get(said, "")

    def sort(self, names: Sequence[str]) -> list[Sense]:
        """Return what each name of a list is."""
        shared = Counter(map(self.meaning, names))
        senses = []
        for name in names:
            meant = self.meaning(name)
            if not meant:
                senses.append(Sense.NEW)
            elif meant == phrase(name):
                senses.append(Sense.TRAINED)
            else:
                alone = shared[meant] == 1 and not self.literal
                senses.append(Sense.KNOWN if alone else Sense.APART)
        return senses

    def spoken(self, names: Sequence[str]) -> list[str]:
        """Return the phrase whose vector each name of a list takes."""
        return [
            self.meaning(name) if sense is Sense.KNOWN else phrase(name)
            for name, sense in zip(names, self.sort(names), strict=True)
        ]
