# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts -> the rows of a report: names and percent."""

from __future__ import annotations

import numpy as np

from psg_ros.evaluation.metrics.evaluation_report import (
    ClassRow,
    ConfusionRow,
    PredicateRow,
    ScoreBin,
    ScoreReliability,
)
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts
from psg_ros.evaluation.metrics.recall import RecallSums
from psg_ros.evaluation.metrics.reliability import Reliability
from psg_ros.labels import Vocabulary


def panoptic_means(counts: PanopticCounts, vocabulary: Vocabulary) -> dict[str, float]:
    """Return the means over the labels that occur: all, things, stuff; percent."""
    is_thing = np.array([label.is_thing for label in vocabulary.labels], bool)
    qualities = {
        "PQ": counts.panoptic_quality,
        "SQ": counts.segmentation_quality,
        "RQ": counts.recognition_quality,
    }
    groups = {"": np.ones_like(is_thing), "_things": is_thing, "_stuff": ~is_thing}
    return {
        name + suffix: _mean_percent(quality[group & counts.occurs])
        for suffix, group in groups.items()
        for name, quality in qualities.items()
    }


def _mean_percent(values: np.ndarray) -> float:
    return 100 * float(values.mean()) if len(values) else float("nan")


def predicate_rows(
    recall: dict[str, RecallSums], vocabulary: Vocabulary
) -> tuple[PredicateRow, ...]:
    """Return the recall of every predicate of the vocabulary."""
    images = recall["R@inf"].predicate_images
    columns = {name: 100 * sums.per_predicate for name, sums in recall.items()}
    return tuple(
        PredicateRow(name, int(images[i]), {k: float(v[i]) for k, v in columns.items()})
        for i, name in enumerate(vocabulary.predicate_names)
    )


def class_rows(counts: PanopticCounts, vocabulary: Vocabulary) -> tuple[ClassRow, ...]:
    """Return the panoptic quality of every label of the vocabulary."""
    quality, segmentation, recognition = 100 * np.stack(
        [counts.panoptic_quality, counts.segmentation_quality, counts.recognition_quality]
    )
    return tuple(
        ClassRow(
            name=label.name,
            is_thing=label.is_thing,
            panoptic_quality=float(quality[i]),
            segmentation_quality=float(segmentation[i]),
            recognition_quality=float(recognition[i]),
            true_positives=int(counts.true_positives[i]),
            false_positives=int(counts.false_positives[i]),
            false_negatives=int(counts.false_negatives[i]),
        )
        for i, label in enumerate(vocabulary.labels)
    )


def confusion_rows(counts: np.ndarray, vocabulary: Vocabulary) -> tuple[ConfusionRow, ...]:
    """Return what occurred of int64 [annotated, predicted], in the order of the vocabulary."""
    names = vocabulary.predicate_names
    return tuple(
        ConfusionRow(names[i], names[j], int(counts[i, j])) for i, j in np.argwhere(counts > 0)
    )


def score_reliability(reliability: Reliability) -> ScoreReliability:
    """Return the bins from 0 to 1 and their calibration error."""
    edges = np.linspace(0, 1, len(reliability.judged) + 1)
    columns = (
        edges[:-1], edges[1:], reliability.others, reliability.judged, reliability.right,
        reliability.mean_score,
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return ScoreReliability(reliability.calibration_error, tuple(ScoreBin(*row) for row in rows))
