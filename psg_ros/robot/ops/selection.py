# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Some of the segments of an image, with their regions and the scores of their pairs."""

from __future__ import annotations

import numpy as np

from psg_ros.robot.ops.panoptic import renumbered
from psg_ros.robot.ops.regions import Regions
from psg_ros.scene_graph import RelationScores, Segmentation


def select_segmentation(segmentation: Segmentation, kept: np.ndarray) -> Segmentation:
    """Return the segments with `kept`, bool [segment]; the pixels of others become void."""
    label_map = renumbered(kept)[segmentation.label_map]
    return Segmentation(label_map, segmentation.labels[kept], segmentation.scores[kept])


def select_regions(regions: Regions, kept: np.ndarray) -> Regions:
    """Return the regions of the segments with `kept`, bool [segment]."""
    return Regions(
        regions.area[kept],
        regions.bbox_xyxy[kept],
        regions.centroid_xy[kept],
        regions.truncated[kept],
    )


def select_scores(scores: RelationScores, kept: np.ndarray) -> RelationScores:
    """Return the pairs of segments with `kept`, bool [segment], as they are numbered then."""
    chosen = scores.rows(np.flatnonzero(kept[scores.pairs].all(axis=1)))
    return RelationScores(renumbered(kept)[chosen.pairs], chosen.logits, chosen.rank)
