# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lexicon: words that mean the same, those that ship and those of a user's own file.

classes:
  couch: [sofa, settee]
predicates:
  lying on: [resting on]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from psg_ros.labels import phrase
from psg_ros.resources import share_path
from psg_ros.setting_files import parse_yaml
from psg_ros.word_rules import refusal, shortened

FOLDER = Path("config") / "words"
LEXICON = FOLDER / "lexicon.yaml"
KINDS = ("classes", "predicates")

Names = Mapping[str, tuple[str, ...]]
"""Phrase -> others, all as `psg_ros.labels.phrase` gives them."""


@dataclass(frozen=True)
class Lexicon:
    """Other names of classes and of predicates."""

    classes: Names
    predicates: Names

    def words(self) -> set[str]:
        """Return all phrases."""
        return {
            word
            for names in (self.classes, self.predicates)
            for name, others in names.items()
            for word in (name, *others)
        }


@cache
def load_lexicon() -> Lexicon:
    """Read the lexicon of the package."""
    return read_lexicon(share_path() / LEXICON)


def read_lexicon(path: Path) -> Lexicon:
    """Read a file like `config/words/lexicon.yaml`; each of both lists may be missing.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another content, a word that is none (`psg_ros.word_rules.refusal`), or one that
            is said to mean two things; names the file and the word.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict) or not content or not set(content) <= set(KINDS):
        raise ValueError(f"{path} must hold {' and '.join(KINDS)}, each with lists of other names")
    return Lexicon(*(_names(content.get(kind) or {}, f"{path}: {kind}") for kind in KINDS))


def _names(content: object, place: str) -> Names:
    if not isinstance(content, dict):
        raise ValueError(f"{place} must be names with lists of others, as in couch: [sofa]")
    found: dict[str, tuple[str, ...]] = {}
    owner: dict[str, str] = {}
    for name, others in content.items():
        if not isinstance(others, list):
            raise ValueError(f"{place}: {shortened(name)} needs a list of others, as in [sofa]")
        for word in (name, *others):
            if complaint := refusal(word):
                raise ValueError(f"{place}: {shortened(word)} {complaint}")
            if phrase(word) in owner:
                told = f"for {owner[phrase(word)]!r} and for {name!r}"
                raise ValueError(f"{place}: {word!r} stands there twice, {told}; leave one out")
            owner[phrase(word)] = name
        found[phrase(name)] = tuple(map(phrase, others))
    return found


def ways_to_mean(names: Names, taught: frozenset[str]) -> dict[str, str]:
    """Return other word -> the taught word that it means, where there is exactly one.

    The taught word need not be the one that the others are listed for: to a model that was trained
    on "sofa", "couch" and "settee" mean sofa.
    """
    ways: dict[str, str] = {}
    for name, others in names.items():
        group = (name, *others)
        known = [word for word in group if word in taught]
        if len(known) == 1:
            ways |= {word: known[0] for word in group if word != known[0]}
    return ways


def own_ways(
    names: Names, taught: frozenset[str], known: Mapping[str, str], kind: str
) -> dict[str, str]:
    """Return what `ways_to_mean` does for a user's own names, each of which must mean something.

    Args:
        known: other words that mean a taught one already; the file may build on them.
        kind: "classes" or "predicates", for the messages.

    Raises:
        ValueError: a name that means no taught word, a taught word that is to mean another, or a
            closed list, of which nothing is taught.
    """
    if names and not taught:
        raise ValueError(f"the {kind} of this model are a closed list and have no other names")
    ways: dict[str, str] = {}
    for name, others in names.items():
        meant = name if name in taught else known.get(name)
        if meant is None:
            raise ValueError(
                f"{kind}: {name!r} is neither a word that the model was trained with nor a known "
                "way to say one; `psg words MODEL` lists them"
            )
        more = [word for word in others if word != meant]  # "sofa: [couch]" says it backwards
        if itself := [word for word in more if word in taught]:
            raise ValueError(
                f"{kind}: {itself[0]!r} cannot mean {meant!r}: the model was trained with both"
            )
        ways |= dict.fromkeys(more, meant)
    return ways
