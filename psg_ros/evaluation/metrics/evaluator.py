# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluator: scene graphs against annotated images, one image at a time, counts only in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.boxes import reachable_by_boxes
from psg_ros.evaluation.metrics.checks import check_labels, check_scores
from psg_ros.evaluation.metrics.confusion import calibrated, confusion_counts, matched_pairs
from psg_ros.evaluation.metrics.evaluation_report import EvaluationReport
from psg_ros.evaluation.metrics.overlap import Overlap, match_segments, measure_overlap
from psg_ros.evaluation.metrics.panoptic_quality import PanopticCounts, panoptic_counts
from psg_ros.evaluation.metrics.recall import (
    PAIRS,
    RecallSums,
    depth,
    found_triplets,
    k_name,
    rank_with_constraint,
    rank_without_constraint,
    reachable_triplets,
    recall_of_image,
    without_self_relations,
)
from psg_ros.evaluation.metrics.reliability import Reliability
from psg_ros.evaluation.metrics.report_rows import (
    class_rows,
    confusion_rows,
    panoptic_means,
    predicate_rows,
    score_reliability,
)
from psg_ros.evaluation.metrics.true_ranks import true_predicate_ranks
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation

Task = Literal["PredCls", "SGDet"]

DEFAULT_KS = (20, 50, 100, PAIRS)


@dataclass(frozen=True)
class ImageFigures:
    """How well one image went, in [0, 1].

    Attributes:
        quality: panoptic quality over its segments; 1 where nothing is annotated or said.
        recall: share of its triplets that the largest k finds; 1 where none is annotated.
        ranks: of each annotated triplet, that of its predicate; see `true_predicate_ranks`.
    """

    quality: float
    recall: float
    ranks: tuple[int, ...] = ()


class Evaluator:
    """Collects the figures of one model; not safe for use from several threads.

    Args:
        vocabulary: names the labels and predicates of truth and prediction.
        task: "SGDet" judges masks, labels and relations; "PredCls" expects graphs made on truth's
            masks and labels, and judges relations alone.
        ks: how many best entries count, in report order; `PAIRS` (-1) for as many as the image has
            distinct annotated pairs.

    Raises:
        ValueError: an unknown task, or a k that is neither `PAIRS` nor from 1 on.
    """

    def __init__(
        self, vocabulary: Vocabulary, task: Task = "SGDet", ks: Sequence[int] = DEFAULT_KS
    ) -> None:
        if task not in get_args(Task):
            raise ValueError(f"task must be one of {', '.join(get_args(Task))}, not {task!r}")
        if not ks or any(k < 1 and k != PAIRS for k in ks):
            raise ValueError(f"ks must hold numbers from 1 on, or {PAIRS} (pairs), not {list(ks)}")
        self._vocabulary, self._task, self._ks = vocabulary, task, tuple(ks)
        self._num_missing = 0
        self._seen: set[str] = set()
        self._panoptic = PanopticCounts.empty(vocabulary.num_labels)
        count = vocabulary.num_predicates
        names = [f"{kind}@{k_name(k)}" for kind in ("R", "NgR") for k in self._ks] + ["R@inf"]
        self._recall = {name: RecallSums.empty(count) for name in names}
        self._boxes = RecallSums.empty(count)
        self._confusion = np.zeros((count, count), np.int64)
        self._score = self._probability = Reliability.empty()

    def add(self, image_id: str, truth: AnnotatedImage, graph: SceneGraph | None) -> ImageFigures:
        """Judge one image.

        Args:
            image_id: the id under which the prediction was made.
            truth: the annotation of that image.
            graph: the prediction at the original image size, or None when the model gave none:
                then nothing of the image is found.

        Returns:
            The figures of this image alone.

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
        counts = panoptic_counts(
            truth.segmentation, truth.is_crowd, segmentation, overlap, self._vocabulary.num_labels
        )
        self._panoptic += counts
        recall = self._add_triplets(truth, segmentation, scores, match)
        if graph is not None:
            self._add_probabilities(truth, graph, match)
        self._seen.add(image_id)
        self._num_missing += graph is None
        ranks = true_predicate_ranks(truth.triplets, scores, match)
        return ImageFigures(counts.quality_of_all_segments, recall, ranks)

    def report(self) -> EvaluationReport:
        """Return the figures over all images added so far."""
        detected = self._task == "SGDet"
        scores = {name: 100 * sums.recall for name, sums in self._recall.items()}
        scores |= {f"m{name}": 100 * sums.mean_recall for name, sums in self._recall.items()}
        if detected:
            scores["R@inf_box"] = 100 * self._boxes.recall
            scores |= panoptic_means(self._panoptic, self._vocabulary)
        return EvaluationReport(
            task=self._task,
            num_images=len(self._seen),
            num_missing=self._num_missing,
            num_related_images=self._recall["R@inf"].images,
            scores=scores,
            per_predicate=predicate_rows(self._recall, self._vocabulary),
            per_class=class_rows(self._panoptic, self._vocabulary) if detected else (),
            confusion=confusion_rows(self._confusion, self._vocabulary),
            score=score_reliability(self._score),
            probability=(
                score_reliability(self._probability) if self._probability.judged.any() else None
            ),
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

    def _add_triplets(
        self,
        truth: AnnotatedImage,
        segmentation: Segmentation,
        scores: RelationScores,
        match: np.ndarray,
    ) -> float:
        """Add what concerns relations; return the recall of the image at the largest k."""
        triplets = without_self_relations(truth.triplets)
        num_predicates = self._vocabulary.num_predicates
        said = matched_pairs(triplets, scores, match, num_predicates)
        self._score += Reliability.of(said.scores, said.is_related, said.is_right)
        if not len(triplets):
            return 1.0
        self._confusion += confusion_counts(triplets, said, num_predicates)
        found = self._found(triplets, scores, match)
        for name, answer in found.items():
            self._recall[name] += recall_of_image(triplets, answer, num_predicates)
        if self._task == "SGDet":
            seen = reachable_by_boxes(triplets, truth.segmentation, segmentation)
            self._boxes += recall_of_image(triplets, seen, num_predicates)
        return float(found[f"R@{k_name(max(self._ks))}"].mean())

    def _add_probabilities(
        self, truth: AnnotatedImage, graph: SceneGraph, match: np.ndarray
    ) -> None:
        probabilities, is_right = calibrated(
            truth.triplets, graph.relations, match, self._vocabulary.num_predicates
        )
        self._probability += Reliability.of_judged(probabilities, is_right)

    def _found(
        self, triplets: np.ndarray, scores: RelationScores, match: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return which triplets were found, bool [triplet] by name of the score."""
        depths = {k: depth(k, triplets) for k in self._ks}
        ranked = rank_with_constraint(scores)
        ranked_ng = rank_without_constraint(scores, max(depths.values()))
        found = {"R@inf": reachable_triplets(triplets, match)}
        for k, limit in depths.items():
            for kind, entries in (("R", ranked), ("NgR", ranked_ng)):
                found[f"{kind}@{k_name(k)}"] = found_triplets(
                    triplets, entries[:limit], match, self._vocabulary.num_predicates
                )
        return found


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
