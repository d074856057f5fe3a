# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a head finds when predicates are called by synonyms, with the vectors of `psg words`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from pair_images import Images
from synonyms import PREDICATE_SYNONYMS, lexicon_synonyms
from torch import Tensor

from psg_ros.labels import phrase
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.word_scores import WordScores, word_scores
from psg_ros.text.lexicon import load_lexicon, ways_to_mean
from psg_ros.text.whitening import word_vectors
from psg_ros.word_senses import Senses

Synonyms = Mapping[str, Sequence[str]]
"""Predicate -> other words for it."""
KEPT_BACK, IN_LEXICON, LITERAL = "synonyms kept back", "the lexicon", "the lexicon, literally"
Table = dict[str, dict[str, float]]
"""Word and synonym -> R@50 in percent of the word, of the synonym and of "purple"."""


def scores_of(head: RelationHead) -> WordScores:
    """Return the part of a head that compares with words."""
    scores = word_scores(head)
    assert scores is not None
    return scores


def encoded(encoder: str, names: Sequence[str]) -> Tensor:
    """Return the vectors of names."""
    return torch.from_numpy(word_vectors(encoder, [phrase(name) for name in names]))


def synonym_lists(names: Sequence[str]) -> list[tuple[str, Synonyms, Senses]]:
    """Return what each list is called, the list, and what `psg words` knows when it bakes it."""
    others, taught = load_lexicon().predicates, frozenset(map(phrase, names))
    senses = Senses(taught, ways_to_mean(others, taught))
    known = lexicon_synonyms(names, others)
    return [
        (KEPT_BACK, PREDICATE_SYNONYMS, senses),
        (IN_LEXICON, known, senses),
        (LITERAL, known, dataclasses.replace(senses, literal=True)),
    ]


def synonym_figures(what: str, table: Table, all_at_once: float) -> dict[str, float]:
    """Return the figures of one list of synonyms, in percent.

    Args:
        what: the list's name.
        all_at_once: mR@50 with all words replaced.
    """
    found = [row["synonym"] >= row["trained word"] / 2 for row in table.values()]
    return {
        f"{what}: mR@50, all words replaced": all_at_once,
        f"{what}: R@50, one word replaced": mean_of(table, "synonym"),
        f"{what}: R@50, purple in its place": mean_of(table, "purple"),
        f"{what}: found, %": float(100 * np.mean(found)),
    }


def mean_of(table: Table, column: str) -> float:
    """Return the mean of a column."""
    return float(np.mean([row[column] for row in table.values()]))


@dataclasses.dataclass(frozen=True)
class SynonymRecall:
    """A head, judged by images, whose words get other names; it has its own ones again afterwards.

    Attributes:
        names: of its predicates.
        senses: what `psg words` knows of words.
    """

    images: Images
    names: Sequence[str]
    head: RelationHead
    encoder: str
    senses: Senses

    def all_replaced(self, synonyms: Synonyms) -> float:
        """Return mR@50 with a vocabulary of synonyms alone, the mean over both of each word."""
        scores, recalls = scores_of(self.head), []
        words = scores.words
        for which in range(2):
            names = [synonyms[phrase(name)][which] for name in self.names]
            scores.take_words(encoded(self.encoder, self.senses.spoken(names)))
            found = self.images.scores(self.head)
            recalls.append(float(np.nanmean(self.images.recall(found, range(len(names))))))
        scores.take_words(words)
        return float(np.mean(recalls))

    def one_replaced(self, own: np.ndarray, synonyms: Synonyms) -> Table:
        """Return R@50 of each synonym in its word's place, without a gain, and of "purple" there.

        Args:
            own: R@50 of each word itself; NaN: no image has it, and it is left out.
        """
        table = {}
        for index in np.flatnonzero(~np.isnan(own)).tolist():
            name = phrase(self.names[index])
            *found, unrelated = (
                self._recall(index, other) for other in (*synonyms[name], "purple")
            )
            for other, recall in zip(synonyms[name], found, strict=True):
                table[f"{name} -> {other}"] = {
                    "trained word": own[index], "synonym": recall, "purple": unrelated
                }  # fmt: skip
        return table

    def _recall(self, index: int, other: str) -> float:
        """Return R@50 of a predicate that is called otherwise."""
        names = [*self.names[:index], other, *self.names[index + 1 :]]
        scores, images = scores_of(self.head), self.images.having(index)
        words = scores.words
        replaced = words.clone()
        replaced[index] = encoded(self.encoder, [self.senses.spoken(names)[index]])[0]
        scores.take_words(replaced)
        recall = images.recall(images.scores(self.head), [index])[index]
        scores.take_words(words)
        return float(recall)
