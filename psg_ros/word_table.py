# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""WordTable: vectors of phrases, encoded once and kept beside a model that compares with them.

An .npz file of plain arrays: `encoder` (text), `phrases` (text [phrase]), `vectors` (float32
[phrase, dim], each of length 1), the `mean` and `matrix` of the whitening that they went through,
`gain`, `found_gain` (float32), `gain_costs` (float32 [gain, 3]), `literal` (bool); for labels and
predicates each what `psg_ros.word_senses.Senses` says: `taught_labels` (text [phrase]),
`label_ways` (text [way, 2]) and so on. Whoever reads it needs no text encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np

from psg_ros.files import NPZ_DAMAGE, replacing
from psg_ros.word_senses import Sense, Senses

WORDS_FILE = "words.npz"
MAX_GAIN = 100.0
"""Ten times what training has ever found: beyond it the words that it has seen are never named."""

SENSES = (("taught_labels", "label_ways"), ("taught_predicates", "predicate_ways"))
"""The arrays of either list."""

DAMAGE = (*NPZ_DAMAGE, KeyError, AttributeError)
"""And what comes of a file with other arrays, or with one alone."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """Vectors of a text encoder -> vectors that are about as different as their meanings.

    Attributes:
        mean: float32 [dim]; taken away.
        matrix: float32 [dim, dim]; symmetric, applied then.

    Raises:
        ValueError: arrays of another kind, or of sizes that do not fit together.
    """

    mean: np.ndarray
    matrix: np.ndarray

    def __post_init__(self) -> None:
        dim = self.mean.size
        found = [(array.dtype, array.shape) for array in (self.mean, self.matrix)]
        if found != [(np.float32, (dim,)), (np.float32, (dim, dim))]:
            raise ValueError(f"a whitening must be float32 [dim] and [dim, dim], not {found}")

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return float32 [phrase, dim], each of length 1."""
        whitened = (vectors - self.mean) @ self.matrix
        lengths = np.linalg.norm(whitened, axis=1, keepdims=True)
        return (whitened / np.maximum(lengths, 1e-12)).astype(np.float32)


@dataclass(frozen=True)
class GainCost:
    """How often predicates were named right with a gain, trained ones and new ones, 0..1.

    Training measures it on a part of its own predicates, which it holds out for that.
    """

    gain: float
    trained: float
    new: float


@dataclass(frozen=True, eq=False)
class WordTable:
    """Phrases and their vectors.

    Attributes:
        encoder: which text encoder made the vectors; a network understands those of one alone.
        phrases: as `psg_ros.labels.phrase` gives them.
        vectors: float32 [phrase, dim], whitened, each of length 1.
        whitening: what vectors of other phrases have to go through.
        labels, predicates: what the network knows of words of either list.
        gain: 1 to `MAX_GAIN`; how much longer the vectors of predicates are that are new to it.
        found_gain: the gain by which the training has found that they win beside those that it has
            seen, see `psg_ros.training.relations.unseen_words`.
        gain_costs: what training has measured of it and of others; empty: nothing.

    Raises:
        ValueError: phrases twice, vectors that are not one of length 1 for each of them, a
            whitening of vectors of another length, or a gain out of its range.
    """

    encoder: str
    phrases: tuple[str, ...]
    vectors: np.ndarray
    whitening: Whitening
    labels: Senses = field(default_factory=Senses)
    predicates: Senses = field(default_factory=Senses)
    gain: float = 1.0
    found_gain: float = 1.0
    gain_costs: tuple[GainCost, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.gain <= MAX_GAIN:  # NaN fails, too
            raise ValueError(
                f"the gain of predicates must be from 1 to {MAX_GAIN:g}, not {self.gain}"
            )
        if len(set(self.phrases)) < len(self.phrases):
            raise ValueError("a table of words holds a phrase twice")
        shape, dtype = self.vectors.shape, self.vectors.dtype
        if len(shape) != 2 or shape[0] != len(self.phrases) or dtype != np.float32:
            raise ValueError(
                f"vectors must be float32 [{len(self.phrases)}, dim], not {dtype} {list(shape)}"
            )
        lengths = np.linalg.norm(self.vectors, axis=1)
        if not (abs(lengths - 1) < 1e-3).all():  # NaN fails, too
            raise ValueError("vectors of words must have the length 1")
        if self.whitening.mean.size != self.dim:
            told = f"{self.dim} numbers, the whitening {self.whitening.mean.size}"
            raise ValueError(f"vectors of words have {told}")

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self.vectors.shape[1]

    def missing(self, phrases: Sequence[str]) -> list[str]:
        """Return the phrases that are not in the table, in their order."""
        known = set(self.phrases)
        return [said for said in phrases if said not in known]

    def rows(self, phrases: Sequence[str]) -> np.ndarray:
        """Return the vectors float32 [phrase, dim] of phrases.

        Raises:
            ValueError: phrases that are not in the table; lists them.
        """
        if missing := self.missing(phrases):
            raise ValueError(f"no vectors of the words {missing}: give them with `psg words`")
        place = {text: index for index, text in enumerate(self.phrases)}
        return self.vectors[[place[said] for said in phrases]].reshape(-1, self.dim)

    def label_rows(self, names: Sequence[str]) -> np.ndarray:
        """Return the vectors float32 [name, dim] that the names of a list of labels take.

        Raises:
            ValueError: see `rows`.
        """
        return self.rows(self.labels.spoken(names))

    def predicate_rows(self, names: Sequence[str]) -> np.ndarray:
        """Return what `label_rows` does, of predicates; new ones are longer by the gain."""
        gains = np.array(self.predicate_gains(names), np.float32)
        return self.rows(self.predicates.spoken(names)) * gains[:, None]

    def predicate_gains(self, names: Sequence[str]) -> list[float]:
        """Return how long the vector of each name of a list of predicates is."""
        senses = self.predicates.sort(names)
        return [self.gain if sense is Sense.NEW else 1.0 for sense in senses]

    def joined(self, phrases: Sequence[str], vectors: np.ndarray) -> WordTable:
        """Return a table with more phrases, from their vectors as the text encoder gives them."""
        return replace(
            self,
            phrases=(*self.phrases, *phrases),
            vectors=np.concatenate((self.vectors, self.whitening(vectors))),
        )


def texts(rows: Sequence[object]) -> np.ndarray:
    """Return text as an array that needs no pickle, also where there is none."""
    return np.array(rows, dtype=np.str_)


def pairs(array: np.ndarray) -> dict[str, str]:
    """Return text [pair, 2] as a mapping."""
    return {str(one): str(other) for one, other in array.reshape(-1, 2)}


def write_table(table: WordTable, path: Path) -> None:
    """Write a table; equal tables give equal bytes."""
    with replacing(path) as temporary:
        np.savez(
            temporary,
            encoder=np.array(table.encoder),
            phrases=texts(table.phrases),
            vectors=table.vectors,
            mean=table.whitening.mean,
            matrix=table.whitening.matrix,
            gain=np.float32(table.gain),
            found_gain=np.float32(table.found_gain),
            gain_costs=np.array([astuple(cost) for cost in table.gain_costs], np.float32),
            literal=np.bool_(table.labels.literal),
            taught_labels=texts(sorted(table.labels.taught)),
            label_ways=texts(sorted(table.labels.ways.items())),
            taught_predicates=texts(sorted(table.predicates.taught)),
            predicate_ways=texts(sorted(table.predicates.ways.items())),
        )


def read_table(path: Path) -> WordTable:
    """Read a table; nothing in the file is executed.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a table; names the file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            literal = bool(file["literal"])
            labels, predicates = (
                Senses(frozenset(file[taught].ravel().tolist()), pairs(file[ways]), literal)
                for taught, ways in SENSES
            )
            return WordTable(
                str(file["encoder"]), tuple(file["phrases"].ravel().tolist()), file["vectors"],
                Whitening(file["mean"], file["matrix"]), labels, predicates,
                file["gain"].item(), file["found_gain"].item(),
                tuple(GainCost(*row) for row in file["gain_costs"].reshape(-1, 3).tolist()),
            )  # fmt: skip
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ValueError(
            f"{path} is not a table of words ({error}); copy the model folder again, or train and "
            "export it again if it is of an older version"
        ) from error
