# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relation logits -> ranked triplets.

The rule is DSFormer's: a directed pair ranks by how unlikely "no relation" is, and its predicate is
the best of the others. The score shown to users is the product of both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from psg_ros.scene_graph import RelationScores

# Logits end here: sigmoid(20) differs from 1 by 2e-9.
MAX_LOGIT = 20.0


class Triplet(NamedTuple):
    """Segment indices of both ends, predicate index, score (1 - p0) * p_predicate in [0, 1]."""

    subject: int
    object: int
    predicate: int
    score: float


def rank_relations(
    scores: RelationScores, *, threshold: float = 0.0, limit: int | None = None
) -> list[Triplet]:
    """Return the best predicate of every directed pair, highest score first.

    Equal scores are ordered by the pair's rank, then by subject and object, so that the order is
    the same everywhere. Both directions of one pair may be listed.

    Args:
        threshold: pairs scored lower are left out.
        limit: at most this many; None for all.
    """
    rank, predicates, values = score_pairs(scores.logits)
    subjects, objects = scores.pairs.T
    order = np.lexsort((objects, subjects, -rank, -values))
    order = order[values[order] >= threshold][:limit]
    columns = (subjects, objects, predicates, values)
    return [Triplet(*row) for row in zip(*(c[order].tolist() for c in columns), strict=True)]


def score_pairs(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score directed pairs float32 [pair, 1 + predicate]; column 0 is "no relation".

    Returns:
        rank: float32 [pair]; -logit of "no relation", which orders pairs like 1 - p0 but does not
            saturate.
        predicates: int64 [pair]; zero-based, best of columns 1 and up.
        values: float64 [pair]; (1 - p0) * p_predicate, the probability of each being a sigmoid.
    """
    rank = -logits[:, 0]
    predicates = logits[:, 1:].argmax(axis=1)
    best = np.take_along_axis(logits[:, 1:], predicates[:, None], axis=1)[:, 0]
    return rank, predicates, sigmoid(rank) * sigmoid(best)


def pair_logits(scores: np.ndarray) -> np.ndarray:
    """Return logits float32 [pair, 1 + predicate] for scores float64 [pair, predicate] in 0..1.

    `score_pairs` finds the best predicate of each row, and its score, in them.
    """
    related = scores.max(axis=1, initial=0.0)
    words = scores / np.maximum(related, 1e-12)[:, None]
    logits = np.concatenate([_logit(1 - related)[:, None], _logit(words)], axis=1)
    return logits.astype(np.float32)


def _logit(probability: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        logits: np.ndarray = np.log(probability) - np.log1p(-probability)
    return np.clip(logits, -MAX_LOGIT, MAX_LOGIT)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-logits)) in float64; very small values keep their order."""
    with np.errstate(over="ignore"):  # exp overflows to inf, whose sigmoid is the right 0
        return 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
