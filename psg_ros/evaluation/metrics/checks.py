# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a prediction must fulfil to be judged: mistakes here would change figures silently."""

from __future__ import annotations

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import RelationScores, Segmentation


def check_labels(truth: AnnotatedImage, predicted: Segmentation, vocabulary: Vocabulary) -> None:
    """Raise ValueError where a label or predicate is not of the vocabulary."""
    for side, labels in (("truth", truth.segmentation.labels), ("prediction", predicted.labels)):
        if len(labels) and not 0 <= labels.min() <= labels.max() < vocabulary.num_labels:
            raise ValueError(
                f"labels of the {side} must lie in 0 .. {vocabulary.num_labels - 1}, "
                f"not {labels.min()} .. {labels.max()}; are they data set ids?"
            )
    highest = truth.triplets[:, 2].max(initial=-1)
    if highest >= vocabulary.num_predicates:
        raise ValueError(f"truth has predicate {highest} of {vocabulary.num_predicates}")


def check_scores(scores: RelationScores, num_segments: int, vocabulary: Vocabulary) -> None:
    """Raise ValueError for scores that are misshapen, NaN or name a wrong pair."""
    columns = 1 + vocabulary.num_predicates
    if scores.logits.shape[1] != columns:
        raise ValueError(
            f"logits must have {columns} columns (no relation, then the predicates), "
            f"not {scores.logits.shape[1]}"
        )
    if np.isnan(scores.logits).any():
        raise ValueError("logits hold NaN, which has no rank")
    if scores.rank is not None and np.isnan(scores.rank).any():
        raise ValueError("rank holds NaN, which has no place in an order")
    pairs = scores.pairs.astype(np.int64)
    if ((pairs < 0) | (pairs >= num_segments)).any() or (pairs[:, 0] == pairs[:, 1]).any():
        raise ValueError(f"pairs must join two different segments of {num_segments}")
    if len(np.unique(pairs @ (num_segments, 1))) != len(pairs):
        raise ValueError("a pair appears twice; SingleMPO allows one row of scores per pair")
