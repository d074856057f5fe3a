# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Annotated pairs of segments, and the draw of others beside them.

Source: DSFormer's code (fair-psgg), which samples directed pairs; DSFlash draws pairs of two
directions. Difference: the number of others is that of the whole batch. Rounded in every image, as
DSFormer does at a ratio of 1, DSFlash's 0.2 would give images with one or two annotated pairs none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psg_ros.training.relations.relation_samples import RelationTruth


def annotated_pairs(truth: RelationTruth, *, directed: bool) -> np.ndarray:
    """Return int64 [pair, 2]: every annotated pair once, in the annotated order.

    A pair annotated in both directions comes twice if directed, otherwise as its first triplet.
    """
    ends = truth.triplets[:, :2]
    compared = ends if directed else np.sort(ends, axis=1)
    _, place = np.unique(compared @ (truth.num_segments, 1), return_index=True)
    return ends[place]


def other_pairs(truth: RelationTruth, annotated: np.ndarray, *, directed: bool) -> np.ndarray:
    """Return int64 [pair, 2]: all pairs but the annotated and the doubtful ones.

    Directed, an annotated pair in its unannotated direction is among them; otherwise every pair is
    there once, the first segment before the second.
    """
    free = ~np.eye(truth.num_segments, dtype=bool)
    free[annotated[:, 0], annotated[:, 1]] = False
    one, other = truth.doubtful.T
    free[one, other] = free[other, one] = False
    return np.argwhere(free if directed else np.triu(free & free.T))


def draw_others(
    annotated: Sequence[np.ndarray],
    others: Sequence[np.ndarray],
    ratio: float,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Return of each image int64 [place in its others]: `ratio` as many as annotated in the batch.

    The number is rounded up or down at random, so that the mean is exact however small a batch is.
    Images have shares like those they have of the annotated pairs, as far as they have others.
    """
    counts = np.array([len(pairs) for pairs in annotated])
    free = np.array([len(pairs) for pairs in others])
    wanted = int(ratio * counts.sum() + rng.random())
    # The smallest of exponential numbers: a draw without replacement that heeds weights.
    weights = np.repeat(counts / np.maximum(free, 1), free)
    order = np.argsort(rng.exponential(size=free.sum()) / weights)
    chosen = np.sort(order[:wanted])
    ends = np.cumsum(free)
    parts = np.split(chosen, np.searchsorted(chosen, ends[:-1]))
    return [part - (end - size) for part, end, size in zip(parts, ends, free, strict=True)]
