# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluator: scene graphs against annotated images, one image at a time, counts only in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.checks import check_labels, check_scores
from psg_ros.evaluation.overlap import Overlap, match_segments, measure_overlap
from psg_ros.evaluation.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.evaluation.recall import (
    RecallSums,
    found_triplets,
    rank_with_constraint,
    rank_without_constraint,
    reachable_triplets,
    recall_of_image,
    without_self_relations,
)
from psg_ros.evaluation.report import ClassRow, EvaluationReport, PredicateRow
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation

Task = Literal["PredCls", "SGDet"]


class Evaluator:
    """Collects the figures of one model; not safe for use from several threads.

    Args:
        vocabulary: names the labels and predicates of truth and prediction.
        task: «SGDet» judges masks, labels and relations; «PredCls» expects graphs made on truth's
            masks and labels, and judges relations alone.
        ks: how many best entries count, in report order.

    Raises:
        ValueError: an unknown task, or a k below 1.
    """

    def __init__(
        self, vocabulary: Vocabulary, task: Task = "SGDet", ks: Sequence[int] = (20, 50, 100)
    ) -> None:
        if task not in get_args(Task):
            raise ValueError(f"task must be one of {', '.join(get_args(Task))}, not {task!r}")
        if not ks or min(ks) < 1:
            raise ValueError(f"ks must hold at least one number from 1 on, not {list(ks)}")
        self._vocabulary, self._task, self._ks = vocabulary, task, tuple(ks)
        self._num_missing = 0
        self._seen: set[str] = set()
        self._panoptic = PanopticCounts.empty(vocabulary.num_labels)
        names = [f"{kind}@{k}" for kind in ("R", "NgR") for k in ks] + ["R@inf"]
        self._recall = {name: RecallSums.empty(vocabulary.num_predicates) for name in names}

    def add(self, image_id: str, truth: AnnotatedImage, graph: SceneGraph | None) -> None:
        """Judge one image.

        Args:
            image_id: the id under which the prediction was made.
            truth: the annotation of that image.
            graph: the prediction at the original image size, or None when the model gave none:
                then nothing of the image is found.

        Raises:
            ValueError: the prediction belongs to another image, was added before, or does not fit
                the truth or the vocabulary; the message names the image.
        """
        self._check_id(image_id, truth)
        try:
            segmentation, scores = _prediction(truth, graph, self._vocabulary)
            check_labels(truth, segmentation, self._vocabulary)
            check_scores(scores, segmentation.num_segments, self._vocabulary)
            overlap = measure_overlap(truth.segmentation, segmentation)
            match = self._match(truth.segmentation, segmentation, overlap, missing=graph is None)
        except ValueError as error:
            raise ValueError(f"image {image_id}: {error}") from error
        self._panoptic += panoptic_counts(
            truth.segmentation, truth.is_crowd, segmentation, overlap, self._vocabulary.num_labels
        )
        self._add_recall(truth.triplets, scores, match)
        self._seen.add(image_id)
        self._num_missing += graph is None

    def report(self) -> EvaluationReport:
        """Return the figures over all images added so far."""
        detected = self._task == "SGDet"
        scores = {name: 100 * sums.recall for name, sums in self._recall.items()}
        scores |= {f"m{name}": 100 * sums.mean_recall for name, sums in self._recall.items()}
        if detected:
            scores |= _panoptic_means(self._panoptic, self._vocabulary)
        return EvaluationReport(
            task=self._task,
            num_images=len(self._seen),
            num_missing=self._num_missing,
            num_related_images=self._recall["R@inf"].images,
            scores=scores,
            per_predicate=_predicate_rows(self._recall, self._vocabulary),
            per_class=_class_rows(self._panoptic, self._vocabulary) if detected else (),
        )

    def _check_id(self, image_id: str, truth: AnnotatedImage) -> None:
        if image_id != truth.image_id:
            raise ValueError(
                f"the prediction is of image {image_id!r}, the truth of {truth.image_id!r}"
            )
        if image_id in self._seen:
            raise ValueError(f"image {image_id} was added before; it would count twice")

    def _match(
        self, truth: Segmentation, predicted: Segmentation, overlap: Overlap, *, missing: bool
    ) -> np.ndarray:
        if self._task == "SGDet" or missing:
            return match_segments(truth, predicted, overlap)
        same = np.array_equal(truth.labels, predicted.labels)
        if not same or not np.array_equal(truth.label_map, predicted.label_map):
            raise ValueError("PredCls needs a graph made on the annotated masks and labels")
        return np.arange(truth.num_segments)

    def _add_recall(self, triplets: np.ndarray, scores: RelationScores, match: np.ndarray) -> None:
        triplets = without_self_relations(triplets)
        if not len(triplets):
            return
        num_predicates = self._vocabulary.num_predicates
        found = {"R@inf": reachable_triplets(triplets, match)}
        ranked = rank_with_constraint(scores)
        ranked_ng = rank_without_constraint(scores, max(self._ks))
        for k in self._ks:
            found[f"R@{k}"] = found_triplets(triplets, ranked[:k], match, num_predicates)
            found[f"NgR@{k}"] = found_triplets(triplets, ranked_ng[:k], match, num_predicates)
        for name, answer in found.items():
            self._recall[name] += recall_of_image(triplets, answer, num_predicates)


def _prediction(
    truth: AnnotatedImage, graph: SceneGraph | None, vocabulary: Vocabulary
) -> tuple[Segmentation, RelationScores]:
    """Return what the graph says; without a graph no segments, which misses everything."""
    if graph is not None:
        if graph.relation_scores is None:
            raise ValueError("the graph has no relation_scores; metrics rank all pairs, keep them")
        return graph.segmentation, graph.relation_scores
    label_map = np.full(truth.segmentation.image_hw, -1, np.int32)
    segmentation = Segmentation(label_map, np.zeros(0, np.int64), np.zeros(0, np.float32))
    logits = np.zeros((0, 1 + vocabulary.num_predicates), np.float32)
    return segmentation, RelationScores(np.zeros((0, 2), np.int32), logits)


def _panoptic_means(counts: PanopticCounts, vocabulary: Vocabulary) -> dict[str, float]:
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


def _predicate_rows(
    recall: dict[str, RecallSums], vocabulary: Vocabulary
) -> tuple[PredicateRow, ...]:
    images = recall["R@inf"].predicate_images
    columns = {name: 100 * sums.per_predicate for name, sums in recall.items()}
    return tuple(
        PredicateRow(name, int(images[i]), {k: float(v[i]) for k, v in columns.items()})
        for i, name in enumerate(vocabulary.predicate_names)
    )


def _class_rows(counts: PanopticCounts, vocabulary: Vocabulary) -> tuple[ClassRow, ...]:
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
