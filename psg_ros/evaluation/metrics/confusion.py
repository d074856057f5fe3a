# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the relation stage says of annotated pairs that it saw: which predicate, how surely.

Only triplets whose two ends are matched count, so that faults of the segmentation stay out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from psg_ros.evaluation.metrics.recall import triplet_keys
from psg_ros.robot.ops.triplets import score_pairs
from psg_ros.scene_graph import RelationScores, SceneRelation


@dataclass(frozen=True)
class MatchedPairs:
    """Scored pairs whose two ends are matched.

    Attributes:
        triplets: int64 [pair, 3]; (subject, object, best predicate) with truth's segments.
        scores: float64 [pair]; (1 - p0) * p_predicate, in [0, 1].
        is_related: bool [pair]; the pair has an annotated relation.
        is_right: bool [pair]; the best predicate is one of those annotated.
    """

    triplets: np.ndarray
    scores: np.ndarray
    is_related: np.ndarray
    is_right: np.ndarray


def matched_pairs(
    triplets: np.ndarray, relations: RelationScores, match: np.ndarray, num_predicates: int
) -> MatchedPairs:
    """Carry the scored pairs of one image over to truth's segments.

    Args:
        triplets: int64 [triplet, 3]; truth.
        match: int64 [predicted segment]; truth's segment or -1.
    """
    ends = match[relations.pairs]
    matched = (ends >= 0).all(axis=1)
    _, predicates, scores = score_pairs(relations.logits[matched])
    said = np.column_stack((ends[matched], predicates))
    return MatchedPairs(
        triplets=said,
        scores=scores,
        is_related=np.isin(_pair_keys(said), _pair_keys(triplets)),
        is_right=np.isin(
            triplet_keys(said, num_predicates), triplet_keys(triplets, num_predicates)
        ),
    )


def confusion_counts(triplets: np.ndarray, said: MatchedPairs, num_predicates: int) -> np.ndarray:
    """Count, for each annotated triplet whose pair was scored, what was said of the pair.

    Args:
        triplets: int64 [triplet, 3]; truth.

    Returns:
        int64 [annotated predicate, predicted predicate].
    """
    counts = np.zeros((num_predicates, num_predicates), np.int64)
    answers = {(s, o): predicate for s, o, predicate in said.triplets.tolist()}
    for subject, object_, predicate in triplets.tolist():
        if (subject, object_) in answers:
            counts[predicate, answers[subject, object_]] += 1
    return counts


def calibrated(
    triplets: np.ndarray, listed: Iterable[SceneRelation], match: np.ndarray, num_predicates: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a graph's relations promise, and whether it came true.

    Args:
        triplets: int64 [triplet, 3]; truth.
        listed: relations of the graph; those without a probability (NaN) are left out.
        match: int64 [predicted segment]; truth's segment or -1, which makes a relation wrong.

    Returns:
        Probabilities float64 [relation] in [0, 1], and bool [relation].
    """
    known = [relation for relation in listed if not math.isnan(relation.probability)]
    said = np.array([(r.subject, r.object, r.predicate) for r in known], np.int64).reshape(-1, 3)
    ends = match[said[:, :2]]
    in_truth = triplet_keys(np.column_stack((ends, said[:, 2])), num_predicates)
    is_right = np.isin(in_truth, triplet_keys(triplets, num_predicates)) & (ends >= 0).all(axis=1)
    return np.array([relation.probability for relation in known], np.float64), is_right


def _pair_keys(triplets: np.ndarray) -> np.ndarray:
    """Return int64 [triplet], equal where both ends are."""
    return triplet_keys(triplets * np.array([1, 1, 0]), 1)
