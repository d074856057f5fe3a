# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Vectors of the vocabulary as inputs of the networks, so that other words need no other network.

A file has room for so many words, and gets zeros where there are fewer: its time does not depend on
how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from psg_ros.robot.manifest import OPEN_CURE, ModelFolder, TensorSpec
from psg_ros.word_rules import check_words
from psg_ros.word_table import WordTable

LABEL_WORDS, PREDICATE_WORDS = "label_words", "predicate_words"


def room(folder: ModelFolder, name: str) -> TensorSpec | None:
    """Return the input `LABEL_WORDS` or `PREDICATE_WORDS` of a model; None: that list is closed."""
    artifacts = folder.manifest.artifacts.values()
    return next((t for spec in artifacts for t in spec.inputs if t.name == name), None)


def is_open(folder: ModelFolder) -> bool:
    """Whether a model takes other labels or other predicates."""
    return any(room(folder, name) is not None for name in (LABEL_WORDS, PREDICATE_WORDS))


def check_open(folder: ModelFolder) -> None:
    """Raise ValueError unless a model takes other words."""
    if not is_open(folder):
        raise_closed(folder)


def raise_closed(folder: ModelFolder) -> NoReturn:
    """Raise the error for a model that takes no other words."""
    raise ValueError(f"the model {folder.manifest.name} has a closed vocabulary; {OPEN_CURE}")


def num_columns(folder: ModelFolder, artifact: str, name: str, words: Sequence[str]) -> int:
    """Return how many columns an artifact should have for these words and for none of them.

    Raises:
        ValueError: it compares with words, and has no vectors of some, or no room for all.
    """
    inputs = {tensor.name: tensor for tensor in folder.manifest.artifact(artifact).inputs}
    if name not in inputs:
        return len(words) + 1
    places, dim = inputs[name].shape
    if folder.words is None:
        raise ValueError(f"{folder.path}: {artifact} takes {name}, but the manifest has no words")
    if len(words) > places:
        raise ValueError(
            f"{folder.path}: {len(words)} words, but {artifact} has room for {places} ({name})"
        )
    vectors = rows(folder.words, name, words)
    if vectors.shape[1] != dim:
        raise ValueError(
            f"{folder.path}: {name} have {dim} numbers each, those of the table of words "
            f"{vectors.shape[1]}"
        )
    return places + 1


def word_inputs(folder: ModelFolder, artifact: str) -> dict[str, np.ndarray]:
    """Return the vectors that an artifact takes, padded with zeros; empty for a closed list."""
    vocabulary, table = folder.vocabulary, folder.words
    if table is None:
        return {}
    names = {LABEL_WORDS: vocabulary.label_names, PREDICATE_WORDS: vocabulary.predicate_names}
    inputs = {}
    for tensor in folder.manifest.artifact(artifact).inputs:
        if tensor.name in names:
            vectors = rows(table, tensor.name, names[tensor.name])
            inputs[tensor.name] = np.zeros(tensor.shape, np.float32)
            inputs[tensor.name][: len(vectors)] = vectors
    return inputs


def rows(table: WordTable, name: str, words: Sequence[str]) -> np.ndarray:
    """Return the vectors float32 [word, dim] that a list of words takes as the input `name`."""
    return table.label_rows(words) if name == LABEL_WORDS else table.predicate_rows(words)


def check_new_words(before: ModelFolder, after: ModelFolder) -> None:
    """Refuse lists that somebody has changed into what `psg words` would refuse.

    Raises:
        ValueError: see `check_words`.
    """
    for kind, place, old, new in (
        ("classes", LABEL_WORDS, before.vocabulary.label_names, after.vocabulary.label_names),
        (
            "predicates", PREDICATE_WORDS,
            before.vocabulary.predicate_names, after.vocabulary.predicate_names,
        ),
    ):  # fmt: skip
        space = room(after, place)
        if new != old and space is not None:
            check_words(new, kind, space.shape[0])


def same_predicates(before: ModelFolder, after: ModelFolder) -> dict[str, str]:
    """Return old name -> new name of the predicates of one model that have the same vector.

    The networks score both alike, so that what was measured of the old one holds for the new one.
    """
    old, new = (
        dict(zip(_predicate_vectors(folder), folder.vocabulary.predicate_names, strict=True))
        for folder in (before, after)
    )
    return {old[vector]: name for vector, name in new.items() if vector in old}


def _predicate_vectors(folder: ModelFolder) -> list[tuple[str, float]]:
    """Return the phrase whose vector each predicate takes, and how long that is; the name, and 1,
    in a closed list.
    """
    names = folder.vocabulary.predicate_names
    if folder.words is None or room(folder, PREDICATE_WORDS) is None:
        return [(name, 1.0) for name in names]
    spoken, gains = folder.words.predicates.spoken(names), folder.words.predicate_gains(names)
    return list(zip(spoken, gains, strict=True))


def without_padding(class_logits: np.ndarray, num_labels: int) -> np.ndarray:
    """Return the columns of labels and, last, that of "no object" of float32 [query, column]."""
    return class_logits[:, [*range(num_labels), -1]]
