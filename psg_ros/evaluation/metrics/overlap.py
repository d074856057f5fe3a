# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How many pixels the segments of two partitions share: the base of every mask metric here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.scene_graph import Segmentation

MIN_IOU = 0.5
"""Two segments match above, never at, this intersection over union (COCO panoptic, SingleMPO).

Above one half a match is unique: the segments of a partition do not overlap, so no second segment
can cover the other half as well.
"""


@dataclass(frozen=True)
class Overlap:
    """Joint pixel counts of a truth and a prediction of the same image.

    Attributes:
        shared_px: int64 [truth segment, predicted segment].
        truth_px: int64 [truth segment]; area, pixels on predicted void included.
        predicted_px: int64 [predicted segment]; area, pixels on truth's void included.
        predicted_on_void_px: int64 [predicted segment]; the part that lies on truth's void.
    """

    shared_px: np.ndarray
    truth_px: np.ndarray
    predicted_px: np.ndarray
    predicted_on_void_px: np.ndarray

    def iou(self, *, ignore_void: bool) -> np.ndarray:
        """Return float64 [truth segment, predicted segment] in [0, 1]; 0 for two empty segments.

        Args:
            ignore_void: leave predicted pixels on truth's void out of the union (PQ does,
                SingleMPO does not).
        """
        union = self.truth_px[:, None] + self.predicted_px[None, :] - self.shared_px
        if ignore_void:
            union = union - self.predicted_on_void_px[None, :]
        return self.shared_px / np.maximum(union, 1)


def measure_overlap(truth: Segmentation, predicted: Segmentation) -> Overlap:
    """Count shared pixels with one pass over the joint label map.

    Raises:
        ValueError: the label maps differ in size.
    """
    if truth.image_hw != predicted.image_hw:
        raise ValueError(
            f"truth is {truth.image_hw} (height, width) but the prediction is "
            f"{predicted.image_hw}; masks are compared at the original image size: "
            "remove padding and resize the prediction's label map first"
        )
    rows, columns = truth.num_segments + 1, predicted.num_segments + 1
    # Void is -1, so that it becomes row 0 and column 0.
    cell = (truth.label_map + 1) * np.int32(columns) + (predicted.label_map + 1)
    joint = np.bincount(cell.ravel(), minlength=rows * columns).reshape(rows, columns)
    return Overlap(
        shared_px=joint[1:, 1:],
        truth_px=joint[1:].sum(axis=1),
        predicted_px=joint[:, 1:].sum(axis=0),
        predicted_on_void_px=joint[0, 1:],
    )


def match_segments(truth: Segmentation, predicted: Segmentation, overlap: Overlap) -> np.ndarray:
    """Pair every predicted segment with the truth segment of its label that it covers.

    Returns:
        int64 [predicted segment]; the truth segment with IoU above `MIN_IOU` (strictly, void
        pixels counted in the union), or -1. No truth segment appears twice.
    """
    matches = overlap.iou(ignore_void=False) > MIN_IOU
    matches &= truth.labels[:, None] == predicted.labels[None, :]
    partner = np.full(predicted.num_segments, -1, np.int64)
    truth_index, predicted_index = np.nonzero(matches)
    partner[predicted_index] = truth_index
    return partner
