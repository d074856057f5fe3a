# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations of true segments, said of the inferred segments that match them."""

from __future__ import annotations

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.overlap import match_segments, measure_overlap
from psg_ros.scene_graph import Segmentation


def partners(item: AnnotatedImage, inferred: Segmentation) -> np.ndarray:
    """Return int64 [inferred segment]: the true segment that each matches, or -1.

    Segments match whose labels are equal and whose IoU is above 0.5, as in evaluation.
    """
    overlap = measure_overlap(item.segmentation, inferred)
    return match_segments(item.segmentation, inferred, overlap)


def carry_over(ends: np.ndarray, partner: np.ndarray, num_true: int) -> np.ndarray:
    """Return the triplets or pairs whose two ends are matched, between inferred segments.

    Args:
        ends: int64 [row, column]; the first two columns are true segments.
        partner: see `partners`.
        num_true: number of true segments.
    """
    inferred_of = np.full(num_true, -1, np.int64)
    matched = np.flatnonzero(partner >= 0)
    inferred_of[partner[matched]] = matched
    carried = ends.copy()
    carried[:, :2] = inferred_of[ends[:, :2]]
    return carried[(carried[:, :2] >= 0).all(axis=1)]
