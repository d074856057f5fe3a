# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The words that somebody wants a model to know, and the vocabulary that comes of them."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.forms.words import LABEL_WORDS, PREDICATE_WORDS, room
from psg_ros.robot.manifest import ModelFolder
from psg_ros.text.lexicon import Lexicon
from psg_ros.word_rules import check_words
from psg_ros.word_senses import Sense, Senses
from psg_ros.word_table import WordTable


@dataclass(frozen=True)
class Wanted:
    """The words that a model is to know from now on.

    Attributes:
        classes, predicates: names; None leaves the list as it is.
        stuff: those of the classes that cannot be counted. Others that the model had before stay
            what they were, as do other names for them; new ones are things.
        gain: how much longer vectors of predicates are that are new to the model, see `WordTable`;
            None leaves it as it is.
        lexicon: other names for trained words, besides those that ship.
        literal: whether words keep the vectors of their own text, see `Senses`; None leaves it as
            it is.
    """

    classes: Sequence[str] | None = None
    predicates: Sequence[str] | None = None
    stuff: Collection[str] = ()
    gain: float | None = None
    lexicon: Lexicon | None = None
    literal: bool | None = None


def new_vocabulary(folder: ModelFolder, table: WordTable, wanted: Wanted) -> Vocabulary:
    """Return the vocabulary that a model gets.

    Args:
        table: its words, with the lexicon that holds from now on.

    Raises:
        ValueError: see `psg_ros.text.bake.bake`.
    """
    known = folder.vocabulary
    labels = _names(folder, "classes", wanted.classes, known.label_names)
    predicates = _names(folder, "predicates", wanted.predicates, known.predicate_names)
    stuff = {name.strip() for name in wanted.stuff}
    if stuff and wanted.classes is None:
        raise ValueError("stuff is given without classes; give the classes, too")
    if strangers := sorted(stuff - set(labels)):
        raise ValueError(f"stuff that is none of the classes: {', '.join(strangers)}")
    found = [
        replace(label, is_thing=label.is_thing and label.name not in stuff)
        for label in _labels(known, table.labels, labels)
    ]
    return Vocabulary(
        tuple(sorted(found, key=lambda label: not label.is_thing)),
        _predicates(known, table.predicates, predicates),
    )


def _names(
    folder: ModelFolder, kind: str, given: Sequence[str] | None, present: Sequence[str]
) -> Sequence[str]:
    if given is None:
        return present
    space = room(folder, {"classes": LABEL_WORDS, "predicates": PREDICATE_WORDS}[kind])
    if space is None:
        raise ValueError(f"the {kind} of {folder.manifest.name} are a closed list")
    check_words(given, kind, space.shape[0])
    return [name.strip() for name in given]


def _labels(known: Vocabulary, senses: Senses, names: Sequence[str]) -> list[ObjectLabel]:
    """Return names as labels: known ones as they are, other names for them as the same kind."""
    same = {label.name: label for label in known.labels}
    alike = {senses.meaning(label.name): label for label in known.labels}
    found = []
    for name, sense in zip(names, senses.sort(names), strict=True):
        model = alike.get(senses.meaning(name)) if sense is not Sense.NEW else None
        if name in same:
            found.append(same[name])
        elif model is None:
            found.append(ObjectLabel(name, True, color_of(name)))
        else:  # two names for one thing would be told apart by nothing in a picture
            color = model.color_rgb if sense is Sense.KNOWN else color_of(name)
            found.append(ObjectLabel(name, model.is_thing, color))
    return found


def _predicates(known: Vocabulary, senses: Senses, names: Sequence[str]) -> tuple[Predicate, ...]:
    """Return names as predicates: with the inverse of known ones that they are or mean."""
    same = {predicate.name: predicate for predicate in known.predicates}
    alike = {senses.meaning(predicate.name): predicate for predicate in known.predicates}
    found = []
    for name in names:
        model = same.get(name) or alike.get(senses.meaning(name) or name)
        found.append(Predicate(name) if model is None else replace(model, name=name))
    return tuple(found)


def color_of(name: str) -> tuple[int, int, int]:
    """Return a bright colour for a new class, always the same for a name."""
    hue = hashlib.sha256(name.encode()).digest()
    red, green, blue = colorsys.hsv_to_rgb(hue[0] / 256, 0.55 + hue[1] / 640, 0.6 + hue[2] / 640)
    return round(red * 255), round(green * 255), round(blue * 255)
