# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Give a model folder other words: their vectors become a file of it, and its labels.yaml follows.

The networks are not touched. A word that the model's table of words has costs nothing, nor does one
that is known to mean a trained word; others need the text encoder that the networks were trained
with.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import yaml

from psg_ros.file_digest import file_sha256
from psg_ros.files import scratch_beside
from psg_ros.labels import Vocabulary
from psg_ros.robot.calibration import CALIBRATION_FILE, load_calibration, save_calibration
from psg_ros.robot.forms.words import (
    LABEL_WORDS,
    PREDICATE_WORDS,
    check_open,
    room,
    same_predicates,
)
from psg_ros.robot.manifest import (
    LABELS_FILE,
    MANIFEST_FILE,
    ModelFolder,
    model_sha256,
)
from psg_ros.setting_files import read_mapping
from psg_ros.text.encoders import open_encoder
from psg_ros.text.lexicon import load_lexicon, own_ways, ways_to_mean
from psg_ros.text.wanted import Wanted, new_vocabulary
from psg_ros.word_senses import Senses
from psg_ros.word_table import WordTable, write_table


def bake(folder: ModelFolder, wanted: Wanted, out: Path | None = None) -> Vocabulary:
    """Write a model's words: all files or, after an error, none.

    Args:
        folder: as loaded; where nothing else is said, it is what changes.
        out: a new folder, which becomes a copy of the model with these words.

    Returns:
        The vocabulary that the model has now.

    Raises:
        ValueError: a model whose list is closed, words that are none (`check_words`), or own ways
            to say them that mean nothing (`own_ways`).
        ImportError: words that the table lacks, and no text encoder for them; names both.
        FileExistsError: `out` is there already.
        OSError: the folder cannot be written.
    """
    check_open(folder)
    assert folder.words is not None, "an open model has one, see num_columns"
    table = with_lexicon(folder.words, wanted)
    vocabulary = new_vocabulary(folder, table, wanted)
    table = complete_table(folder, table, vocabulary)
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
        name = folder.manifest.name if out is None else out.resolve().name
        write_words(folder, vocabulary, table, scratch, name)
        target.mkdir(exist_ok=True)
        written = sorted(path.name for path in scratch.iterdir() if path.name != MANIFEST_FILE)
        for name in (*written, MANIFEST_FILE):
            os.replace(scratch / name, target / name)
    return vocabulary


def with_lexicon(table: WordTable, wanted: Wanted) -> WordTable:
    """Return a table with the known ways to say trained words: own ones, those before, those that
    ship; the first that knows a word decides.

    Raises:
        ValueError: see `own_ways`.
    """
    shipped, found = load_lexicon(), []
    for kind, senses in (("classes", table.labels), ("predicates", table.predicates)):
        ways = ways_to_mean(getattr(shipped, kind), senses.taught) | dict(senses.ways)
        if wanted.lexicon is not None:
            ways |= own_ways(getattr(wanted.lexicon, kind), senses.taught, ways, kind)
        literal = senses.literal if wanted.literal is None else wanted.literal
        found.append(Senses(senses.taught, ways, literal))
    return replace(table, labels=found[0], predicates=found[1])


def complete_table(folder: ModelFolder, table: WordTable, vocabulary: Vocabulary) -> WordTable:
    """Return a model's table with the vectors of all words of a vocabulary in it.

    Raises:
        ImportError: see `bake`.
    """
    phrases: list[str] = []
    for place, senses, names in (
        (LABEL_WORDS, table.labels, vocabulary.label_names),
        (PREDICATE_WORDS, table.predicates, vocabulary.predicate_names),
    ):
        phrases += senses.spoken(names) if room(folder, place) is not None else ()
    missing = list(dict.fromkeys(table.missing(phrases)))
    if not missing:
        return table
    try:
        encoder = open_encoder(table.encoder)
    except ImportError as error:
        told = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ImportError(f"the model's table of words lacks {told}, and {error}") from error
    return table.joined(missing, encoder.encode(missing))


def write_words(
    folder: ModelFolder, vocabulary: Vocabulary, table: WordTable, target: Path, name: str
) -> None:
    """Write what changes of a model folder; a copy has a name of its own."""
    assert folder.manifest.words is not None
    write_vocabulary(vocabulary, target / LABELS_FILE)
    file = folder.manifest.words.file
    write_table(table, target / file)
    manifest = read_mapping(folder.path / MANIFEST_FILE)
    manifest["name"] = name
    manifest["words"]["sha256"] = file_sha256(target / file)
    (target / MANIFEST_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    if (folder.path / CALIBRATION_FILE).is_file():
        calibration = load_calibration(folder.path, model_sha256(folder.manifest))
        assert calibration is not None, "the file is there"
        after = replace(folder, vocabulary=vocabulary, words=table)
        save_calibration(calibration.renamed(same_predicates(folder, after)), target)


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
