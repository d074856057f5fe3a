# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs of segments are related at all."""

from __future__ import annotations

import numpy as np


def choose_pairs(
    labels: np.ndarray, scores: np.ndarray, limit: int = 0, wanted: np.ndarray | None = None
) -> np.ndarray:
    """Return the pairs of segments to relate, int32 [pair, 2], the first smaller than the second.

    Args:
        labels: int64 [segment].
        scores: float32 [segment].
        limit: pairs only of this many best-scored segments; 0: all.
        wanted: bool [label, label], symmetric; which labels to relate. None: all.
    """
    pairs = unordered_pairs(best_segments(scores, limit))
    if wanted is not None:
        pairs = pairs[wanted[labels[pairs[:, 0]], labels[pairs[:, 1]]]]
    return pairs


def best_segments(scores: np.ndarray, limit: int) -> np.ndarray:
    """Return the indices int64 [segment] of the `limit` highest scores (0: all), ascending."""
    if not 0 < limit < len(scores):
        return np.arange(len(scores))
    return np.sort(np.argsort(-scores, kind="stable")[:limit])


def unordered_pairs(segments: np.ndarray) -> np.ndarray:
    """Return all pairs i < j of ascending segment indices as int32 [pair, 2]."""
    first, second = np.triu_indices(len(segments), k=1)
    return np.stack([segments[first], segments[second]], axis=1).astype(np.int32)
