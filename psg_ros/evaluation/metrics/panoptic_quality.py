# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Panoptic quality (Kirillov et al., "Panoptic Segmentation", CVPR 2019), rules of the COCO API.

Void is truth's unlabelled area. It is left out of every union, and an unmatched prediction that
lies mostly on void or on a crowd of its own class is forgiven. Difference from the API: where a
class has several crowd segments in one image all of them forgive, not only the last one. (Other
libraries treat void differently and give other numbers for the same masks.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.evaluation.metrics.overlap import MIN_IOU, Overlap
from psg_ros.scene_graph import Segmentation


@dataclass(frozen=True)
class PanopticCounts:
    """Counts per label; adding two joins their images.

    Attributes:
        iou: float64 [label]; sum of the IoU of the true positives.
        true_positives, false_positives, false_negatives: int64 [label].
    """

    iou: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray

    @classmethod
    def empty(cls, num_labels: int) -> PanopticCounts:
        """Return the counts of no image."""
        return cls(np.zeros(num_labels), *(np.zeros(num_labels, np.int64) for _ in range(3)))

    def __add__(self, other: PanopticCounts) -> PanopticCounts:
        return PanopticCounts(
            self.iou + other.iou,
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def occurs(self) -> np.ndarray:
        """Bool [label]: annotated or predicted somewhere."""
        return (self.true_positives + self.false_positives + self.false_negatives) > 0

    @property
    def segmentation_quality(self) -> np.ndarray:
        """SQ, float64 [label] in [0, 1]: mean IoU of the matches, 0 without; NaN if absent."""
        quality = self.iou / np.maximum(self.true_positives, 1)
        return np.where(self.occurs, quality, np.nan)

    @property
    def recognition_quality(self) -> np.ndarray:
        """RQ, float64 [label] in [0, 1]: F1 score of the matching; NaN if absent."""
        mistakes = 0.5 * (self.false_positives + self.false_negatives)
        quality = self.true_positives / np.maximum(self.true_positives + mistakes, 0.5)
        return np.where(self.occurs, quality, np.nan)

    @property
    def panoptic_quality(self) -> np.ndarray:
        """PQ = SQ * RQ, float64 [label] in [0, 1]; NaN if absent."""
        return self.segmentation_quality * self.recognition_quality

    @property
    def quality_of_all_segments(self) -> float:
        """PQ with all labels thrown together, in [0, 1]; 1 for no segments. For ranking images."""
        mistakes = 0.5 * (self.false_positives + self.false_negatives).sum()
        total = self.true_positives.sum() + mistakes
        return float(self.iou.sum() / total) if total else 1.0


def panoptic_counts(
    truth: Segmentation,
    is_crowd: np.ndarray,
    predicted: Segmentation,
    overlap: Overlap,
    num_labels: int,
) -> PanopticCounts:
    """Count matches and mistakes of one image.

    Args:
        is_crowd: bool [truth segment].
        overlap: of the same two segmentations, `measure_overlap(truth, predicted)`.

    Returns:
        Counts per label. A segment without any pixel cannot match and counts as a mistake.
    """
    same_label = truth.labels[:, None] == predicted.labels[None, :]
    iou = overlap.iou(ignore_void=True)
    matches = (iou > MIN_IOU) & same_label & ~is_crowd[:, None]

    on_crowd_px = (overlap.shared_px * (same_label & is_crowd[:, None])).sum(axis=0)
    forgiven = 2 * (overlap.predicted_on_void_px + on_crowd_px) > overlap.predicted_px
    false_positive = ~matches.any(axis=0) & ~forgiven
    false_negative = ~matches.any(axis=1) & ~is_crowd

    matched_truth, matched_predicted = np.nonzero(matches)
    matched_labels = truth.labels[matched_truth]
    matched_iou = iou[matched_truth, matched_predicted]
    return PanopticCounts(
        iou=np.bincount(matched_labels, weights=matched_iou, minlength=num_labels),
        true_positives=np.bincount(matched_labels, minlength=num_labels),
        false_positives=np.bincount(predicted.labels[false_positive], minlength=num_labels),
        false_negatives=np.bincount(truth.labels[false_negative], minlength=num_labels),
    )
