# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far down its list a model has the annotated predicate of a pair.

A wrong predicate may be wrong by a hair, or a mere matter of words ("on", "standing on"): the rank
tells. DSFlash shows it beside qualitative pictures (its supplement, figure 14).
"""

from __future__ import annotations

import numpy as np

from psg_ros.scene_graph import RelationScores

LOST = 0
"""In place of a rank: an end of the triplet was not found, or its pair not scored."""


def true_predicate_ranks(
    triplets: np.ndarray, scores: RelationScores, match: np.ndarray
) -> tuple[int, ...]:
    """Return for each annotated triplet the place of its predicate among all of its pair.

    Args:
        triplets: int64 [triplet, 3]; truth.
        match: int64 [predicted segment]; truth's segment or -1.

    Returns:
        1 where the predicate is the pair's best, 2 for the next, ... or `LOST`. Of equal logits the
        first predicate counts as the better, as everywhere.
    """
    ends = map(tuple, match[scores.pairs].tolist())
    rows = {pair: row for row, pair in enumerate(ends)}
    return tuple(
        _place(scores.logits[rows[subject, other], 1:], predicate)
        if (subject, other) in rows
        else LOST
        for subject, other, predicate in triplets.tolist()
    )


def _place(logits: np.ndarray, predicate: int) -> int:
    better = int(np.count_nonzero(logits > logits[predicate]))
    tied = int(np.count_nonzero(logits[:predicate] == logits[predicate]))
    return 1 + better + tied


def marked(predicate_name: str, rank: int) -> str:
    """Return a predicate with its rank, for drawings: "on #2", or "on #-" where it is lost."""
    return f"{predicate_name} #{rank or '-'}"
