# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations of a graph: which are listed, and what is said of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.robot.calibration import Calibrator
from psg_ros.robot.geometry import Evidence
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.robot.tracking.relation_memory import Listed
from psg_ros.scene_graph import RelationScores, RelationSource, SceneRelation


def list_relations(
    scores: RelationScores, evidence: Evidence | None, limit: int, threshold: float
) -> list[Listed]:
    """Return what an image that stands alone lists, at most one relation per directed pair."""
    triplets = rank_relations(scores, threshold=threshold, limit=limit)
    sources: Sequence[RelationSource] = (RelationSource.MODEL,) * len(triplets)
    if evidence is not None:
        sources = evidence.sources(triplets, threshold)
    return [Listed(*triplet, source) for triplet, source in zip(triplets, sources, strict=True)]


def describe_relations(
    listed: Sequence[Listed], vocabulary: Vocabulary, calibrator: Calibrator
) -> tuple[SceneRelation, ...]:
    """Return what a graph says of listed relations, the most certain one first."""
    names = vocabulary.predicate_names
    probabilities = calibrator.probabilities(
        np.array([relation.predicate for relation in listed], np.int64),
        np.array([relation.score for relation in listed]),
    )
    # Calibration is of the relation stage alone. And every NaN becomes the same object: then
    # relations that are equal compare equal.
    known = (
        math.nan if math.isnan(p) or relation.source != RelationSource.MODEL else p
        for p, relation in zip(probabilities.tolist(), listed, strict=True)
    )
    relations = (
        SceneRelation(*row[:3], names[row.predicate], row.score, probability, *row[4:])
        for row, probability in zip(listed, known, strict=True)
    )
    return tuple(sorted(relations, key=lambda relation: -relation.confidence))
