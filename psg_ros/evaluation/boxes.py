# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reachable triplets by boxes: what the evaluator of fair-psgg prints as recall without limit.

Boxes are the tight boxes of the masks. Any predicted segment of the right label may stand for an
end, several truths may share one, and predicates are not averaged. Neither it nor R@inf, the
bound on masks (`reachable_triplets`), is always the lower: a box counts however little of it the
mask fills; but a patch that a mask has far from its object stretches its box over all between,
while the mask still matches. Where R@inf_box is the lower of the two, masks have such patches, or
lack a part that reaches far.
"""

from __future__ import annotations

import numpy as np

from psg_ros.robot.ops.boxes import box_iou
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import Segmentation

MIN_BOX_IOU = 0.5
"""Boxes match at, not only above, this intersection over union."""


def reachable_by_boxes(
    triplets: np.ndarray, truth: Segmentation, predicted: Segmentation
) -> np.ndarray:
    """Say which annotated triplets have both ends covered by a box of their label.

    Args:
        triplets: int64 [triplet, 3]; (subject, object, predicate) with truth's segments.

    Returns:
        bool [triplet].
    """
    same_label = truth.labels[:, None] == predicted.labels[None, :]
    iou = box_iou(_boxes(truth), _boxes(predicted))
    seen = (same_label & (iou >= MIN_BOX_IOU)).any(axis=1)
    return seen[triplets[:, 0]] & seen[triplets[:, 1]]


def _boxes(segmentation: Segmentation) -> np.ndarray:
    return measure_regions(segmentation.label_map, segmentation.num_segments).bbox_xyxy
