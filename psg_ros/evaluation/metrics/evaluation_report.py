# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The result of an evaluation, as plain values for files."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROTOCOL = (
    "SingleMPO: one segment per object, matched by label and mask IoU > 0.5; recall within each "
    "image first, then averaged; missing images count as not found. "
    "PQ by the rules of the COCO API."
)


@dataclass(frozen=True)
class PredicateRow:
    """Recall of one predicate, percent by name ("R@50", "NgR@50", "R@inf"); NaN if absent."""

    name: str
    num_images: int
    recall: Mapping[str, float]


@dataclass(frozen=True)
class ClassRow:
    """Panoptic quality of one label, in percent, NaN if it is absent; counts are of segments."""

    name: str
    is_thing: bool
    panoptic_quality: float
    segmentation_quality: float
    recognition_quality: float
    true_positives: int
    false_positives: int
    false_negatives: int


@dataclass(frozen=True)
class ConfusionRow:
    """How often a pair annotated with one predicate was given another (or the same) one."""

    annotated: str
    predicted: str
    count: int


@dataclass(frozen=True)
class ScoreBin:
    """What scored in [low, high); counts as in `Reliability`, the mean may be NaN."""

    low: float
    high: float
    others: int
    judged: int
    right: int
    mean_score: float


@dataclass(frozen=True)
class ScoreReliability:
    """How far a score can be taken at its word; see `Reliability`.

    Attributes:
        calibration_error: expected calibration error in [0, 1]; NaN if nothing is judged.
        bins: from 0 to 1.
    """

    calibration_error: float
    bins: tuple[ScoreBin, ...]


@dataclass(frozen=True)
class EvaluationReport:
    """Figures of one model on one set of images.

    Attributes:
        task: "PredCls" (masks and labels given) or "SGDet" (both predicted).
        num_images: images seen, missing ones included.
        num_missing: images without a prediction; nothing was found in them.
        num_related_images: images with at least one annotated relation; R@k averages over these.
        scores: percent by name: R@k, mR@k, NgR@k, mNgR@k, R@inf, mR@inf and, for SGDet, R@inf_box,
            PQ, SQ, RQ and the same with suffix _things and _stuff. NaN where nothing was annotated.
        per_predicate: one row per predicate of the vocabulary, in its order.
        per_class: one row per label of the vocabulary; empty for PredCls.
        confusion: annotated against predicted predicate of matched pairs; rows that occur.
        score: of the pairs whose ends are matched, the score of the best predicate; judged are the
            annotated ones, right where the predicate is annotated.
        probability: the same of listed relations that have one; all are judged, right where ends
            and predicate are annotated. None where the graphs have no probabilities.
    """

    task: str
    num_images: int
    num_missing: int
    num_related_images: int
    scores: Mapping[str, float]
    per_predicate: tuple[PredicateRow, ...]
    per_class: tuple[ClassRow, ...]
    confusion: tuple[ConfusionRow, ...]
    score: ScoreReliability
    probability: ScoreReliability | None

    def to_dict(self) -> dict[str, Any]:
        """Return the whole report as plain JSON values, percent unrounded, NaN as None."""
        return plain_values({"protocol": PROTOCOL, **dataclasses.asdict(self)})


def json_text(content: Mapping[str, Any]) -> str:
    """Return JSON for files; equal contents give equal bytes.

    Raises:
        ValueError: a NaN or an infinity, which JSON does not have.
    """
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain_values(value: Any) -> Any:
    """Return mappings as dicts, tuples as lists and NaN as None, all the way down."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
