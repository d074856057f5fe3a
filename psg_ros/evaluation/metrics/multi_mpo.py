# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall by the first protocol of panoptic scene graphs, for looking up old figures only.

MultiMPO is how OpenPSG counts (Yang et al., "Panoptic Scene Graph Generation", ECCV 2022): any mask
with IoU of one half or more may stand for an object, so that a method gains by showing one object
several times. Annotated duplicates count once, images without a prediction are left out, and a
predicate that no image contains counts as 0. Its figures compare neither with SingleMPO nor across
kinds of methods. Difference: entries are in the order of SingleMPO, best first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.overlap import measure_overlap
from psg_ros.evaluation.metrics.overlapping import OverlappingMasks
from psg_ros.evaluation.metrics.recall import (
    PAIRS,
    RecallSums,
    rank_with_constraint,
    recall_of_image,
)
from psg_ros.scene_graph import RelationScores, SceneGraph

TITLE = "MultiMPO, not comparable"
MIN_IOU = 0.5
"""Masks match at this IoU, too."""


class MultiMpo:
    """Collects R@k and mR@k; `PAIRS` among the ks is left out, the protocol has no such k."""

    def __init__(self, num_predicates: int, ks: Sequence[int]) -> None:
        self._num_predicates = num_predicates
        self._sums = {k: RecallSums.empty(num_predicates) for k in ks if k != PAIRS}

    def add(self, truth: AnnotatedImage, prediction: SceneGraph | OverlappingMasks | None) -> None:
        """Count one image; without a prediction or a triplet it is left out.

        Raises:
            ValueError: masks of another size, or a graph without `relation_scores`.
        """
        if prediction is None or not len(truth.triplets):
            return
        fits, relations = _candidates(truth, prediction)
        triplets = np.unique(truth.triplets, axis=0)
        ranked = rank_with_constraint(relations)
        for k in self._sums:
            found = _found(triplets, ranked[:k], fits)
            self._sums[k] += recall_of_image(triplets, found, self._num_predicates)

    def scores(self) -> dict[str, float]:
        """Return percent by name, R@k and mR@k; NaN when no image counted."""
        per_image = {f"R@{k}": 100 * sums.recall for k, sums in self._sums.items()}
        return per_image | {f"mR@{k}": 100 * _mean_recall(sums) for k, sums in self._sums.items()}


def _candidates(
    truth: AnnotatedImage, prediction: SceneGraph | OverlappingMasks
) -> tuple[np.ndarray, RelationScores]:
    """Return bool [truth segment, predicted mask], who may stand for whom, and the pairs."""
    real = truth.segmentation
    if isinstance(prediction, SceneGraph):
        if prediction.relation_scores is None:
            raise ValueError(f"image {truth.image_id}: the graph has no relation_scores")
        labels, relations = prediction.segmentation.labels, prediction.relation_scores
        iou = measure_overlap(real, prediction.segmentation).iou(ignore_void=False)
    else:
        labels, relations = prediction.labels, prediction.relations
        iou = _iou_with_masks(truth, prediction.masks)
    return (iou >= MIN_IOU) & (real.labels[:, None] == labels[None, :]), relations


def _iou_with_masks(truth: AnnotatedImage, masks: np.ndarray) -> np.ndarray:
    real = truth.segmentation
    if masks.shape[1:] != real.image_hw:
        raise ValueError(
            f"image {truth.image_id}: masks are {masks.shape[1:]} (height, width), "
            f"the truth is {real.image_hw}; masks are compared at the original image size"
        )
    rows = real.num_segments + 1
    shared = np.array(
        [np.bincount(real.label_map[mask] + 1, minlength=rows)[1:] for mask in masks], np.int64
    ).reshape(len(masks), rows - 1)
    truth_px = np.bincount(real.label_map.ravel() + 1, minlength=rows)[1:]
    union = masks.sum(axis=(1, 2))[:, None] + truth_px[None, :] - shared
    return (shared / np.maximum(union, 1)).T


def _found(triplets: np.ndarray, retrieved: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """Return bool [triplet]: some retrieved entry fits in both ends and the predicate."""
    subject, object_, predicate = retrieved.T
    hits = triplets[:, 2:] == predicate[None, :]
    hits &= fits[triplets[:, 0]][:, subject] & fits[triplets[:, 1]][:, object_]
    return hits.any(axis=1)


def _mean_recall(sums: RecallSums) -> float:
    """Return mR@k over all predicates; one that never occurs pulls the mean down."""
    return float(np.nan_to_num(sums.per_predicate).mean()) if sums.images else float("nan")
