# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Give a model folder other words: their vectors become a file of it, and its labels.yaml follows.

The networks are not touched. A word that the model's table of words has costs nothing; others need
the text encoder that the networks were trained with.
"""

from __future__ import annotations

import colorsys
import hashlib
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from psg_ros.file_digest import file_sha256
from psg_ros.files import scratch_beside
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, phrase
from psg_ros.robot.calibration import CALIBRATION_FILE, load_calibration, save_calibration
from psg_ros.robot.forms.words import LABEL_WORDS, PREDICATE_WORDS, check_open, room
from psg_ros.robot.manifest import (
    LABELS_FILE,
    MANIFEST_FILE,
    ModelFolder,
    model_sha256,
)
from psg_ros.text.encoders import open_encoder
from psg_ros.word_rules import check_words
from psg_ros.word_table import WordTable, write_table


@dataclass(frozen=True)
class Wanted:
    """The words that a model is to know from now on.

    Attributes:
        classes, predicates: names; None leaves the list as it is.
        stuff: those of the classes that cannot be counted. Others that the model had before stay
            what they were; new ones are things.
        gain: how much longer vectors of predicates that training has not seen are, see `WordTable`;
            None leaves it as it is.
    """

    classes: Sequence[str] | None = None
    predicates: Sequence[str] | None = None
    stuff: Collection[str] = ()
    gain: float | None = None


def bake(folder: ModelFolder, wanted: Wanted, out: Path | None = None) -> Vocabulary:
    """Write a model's words: all files or, after an error, none.

    Args:
        folder: as loaded; where nothing else is said, it is what changes.
        out: a new folder, which becomes a copy of the model with these words.

    Returns:
        The vocabulary that the model has now.

    Raises:
        ValueError: a model whose list is closed, or words that are none, see `check_words`.
        ImportError: words that the table lacks, and no text encoder for them; names both.
        FileExistsError: `out` is there already.
        OSError: the folder cannot be written.
    """
    check_open(folder)
    vocabulary = new_vocabulary(folder, wanted)
    table = complete_table(folder, vocabulary)
    if wanted.gain is not None:
        if room(folder, PREDICATE_WORDS) is None:
            raise ValueError(
                f"a gain is for predicates, and those of {folder.manifest.name} are a closed list"
            )
        table = replace(table, gain=wanted.gain)
    target = folder.path if out is None else out
    if out is not None and out.exists():
        raise FileExistsError(f"{out} exists; choose another name for the copy")
    if out is not None and out.resolve().is_relative_to(folder.path.resolve()):
        raise ValueError(f"{out} lies in the model itself; choose another folder for the copy")
    with scratch_beside(target) as scratch:
        if out is not None:
            shutil.copytree(folder.path, scratch, dirs_exist_ok=True)
        write_words(folder, vocabulary, table, scratch)
        target.mkdir(exist_ok=True)
        written = sorted(path.name for path in scratch.iterdir() if path.name != MANIFEST_FILE)
        for name in (*written, MANIFEST_FILE):
            os.replace(scratch / name, target / name)
    return vocabulary


def new_vocabulary(folder: ModelFolder, wanted: Wanted) -> Vocabulary:
    """Return the vocabulary that a model gets.

    Raises:
        ValueError: see `bake`.
    """
    known, names = folder.vocabulary, {}
    for kind, given, present, place in (
        ("classes", wanted.classes, known.label_names, LABEL_WORDS),
        ("predicates", wanted.predicates, known.predicate_names, PREDICATE_WORDS),
    ):
        space = room(folder, place)
        if given is not None and space is None:
            raise ValueError(f"the {kind} of {folder.manifest.name} are a closed list")
        if given is not None and space is not None:
            check_words(given, kind, space.shape[0])
        names[kind] = present if given is None else [name.strip() for name in given]
    stuff = {name.strip() for name in wanted.stuff}
    if stuff and wanted.classes is None:
        raise ValueError("stuff is given without classes; give the classes, too")
    if strangers := sorted(stuff - set(names["classes"])):
        raise ValueError(f"stuff that is none of the classes: {', '.join(strangers)}")
    old = {label.name: label for label in known.labels}
    labels = [old.get(name) or ObjectLabel(name, True, color_of(name)) for name in names["classes"]]
    labels = [
        replace(label, is_thing=label.is_thing and label.name not in stuff) for label in labels
    ]
    said = {predicate.name: predicate for predicate in known.predicates}
    return Vocabulary(
        tuple(sorted(labels, key=lambda label: not label.is_thing)),
        tuple(said.get(name, Predicate(name)) for name in names["predicates"]),
    )


def complete_table(folder: ModelFolder, vocabulary: Vocabulary) -> WordTable:
    """Return a model's table with all words of a vocabulary in it.

    Raises:
        ImportError: see `bake`.
    """
    assert folder.words is not None, "an open model has one, see num_columns"
    table = folder.words
    names: list[str] = []
    for place, words in (
        (LABEL_WORDS, vocabulary.label_names),
        (PREDICATE_WORDS, vocabulary.predicate_names),
    ):
        names += words if room(folder, place) is not None else ()
    missing = list(dict.fromkeys(phrase(name) for name in table.missing(names)))
    if not missing:
        return table
    try:
        encoder = open_encoder(table.encoder)
    except ImportError as error:
        told = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ImportError(f"the model's table of words lacks {told}, and {error}") from error
    return table.joined(missing, encoder.encode(missing))


def write_words(
    folder: ModelFolder, vocabulary: Vocabulary, table: WordTable, target: Path
) -> None:
    """Write what changes of a model folder."""
    assert folder.manifest.words is not None
    write_vocabulary(vocabulary, target / LABELS_FILE)
    file = folder.manifest.words.file
    write_table(table, target / file)
    manifest = yaml.safe_load((folder.path / MANIFEST_FILE).read_text(encoding="utf-8"))
    manifest["words"]["sha256"] = file_sha256(target / file)
    (target / MANIFEST_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    if (folder.path / CALIBRATION_FILE).is_file():
        calibration = load_calibration(folder.path, model_sha256(folder.manifest))
        assert calibration is not None, "the file is there"
        save_calibration(calibration.without_strangers(vocabulary), target)


def write_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write a vocabulary as `psg_ros.labels.load_vocabulary` reads it."""

    def objects(*, things: bool) -> list[dict[str, str]]:
        return [
            {"name": label.name, "color": f"#{bytes(label.color_rgb).hex()}"}
            for label in vocabulary.labels
            if label.is_thing == things
        ]

    predicates = [
        {"name": predicate.name}
        | ({"inverse": predicate.inverse} if predicate.inverse else {})
        | ({"symmetric": True} if predicate.symmetric else {})
        for predicate in vocabulary.predicates
    ]
    content = {
        "things": objects(things=True),
        "stuff": objects(things=False),
        "predicates": predicates,
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def color_of(name: str) -> tuple[int, int, int]:
    """Return a bright colour for a new class, always the same for a name."""
    hue = hashlib.sha256(name.encode()).digest()
    red, green, blue = colorsys.hsv_to_rgb(hue[0] / 256, 0.55 + hue[1] / 640, 0.6 + hue[2] / 640)
    return round(red * 255), round(green * 255), round(blue * 255)
