# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlapping masks -> one mask per object, so that any method can be judged by SingleMPO.

The reduction is that of DSFormer (Lorenz et al., "A Fair Ranking and New Model for Panoptic Scene
Graph Generation", ECCV 2024): the surest mask is painted first, what overlaps it by half is taken
for the same object, and of several rows for one pair the first counts. A mask that no surer painted
one overlaps by half and that has no pixel left is dropped with its pairs. Difference: so is a pair
whose two ends became one object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from psg_ros.scene_graph import VOID, RelationScores, Segmentation

SAME_OBJECT_IOU = 0.5
"""Masks with this IoU or more show one object, whatever their labels."""

_DROPPED = -1


@dataclass(frozen=True)
class OverlappingMasks:
    """What a method says whose masks overlap, or show one object several times.

    Attributes:
        masks: bool [mask, height, width].
        labels: int64 [mask]; label indices of the vocabulary.
        scores: float32 [mask]; confidence in [0, 1].
        relations: `pairs` index the masks, best row first; a pair may appear several times.

    Raises:
        ValueError: a wrong dtype or shape, or a pair of absent masks.
    """

    masks: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    relations: RelationScores

    def __post_init__(self) -> None:
        if self.masks.dtype != bool or self.masks.ndim != 3:
            raise ValueError(
                "masks must be bool [mask, height, width], not "
                f"{self.masks.dtype} {list(self.masks.shape)}"
            )
        counts = len(self.masks), len(self.labels), len(self.scores)
        if len(set(counts)) > 1:
            raise ValueError("{} masks, {} labels and {} scores".format(*counts))
        pairs = self.relations.pairs
        if ((pairs < 0) | (pairs >= len(self.masks))).any():
            raise ValueError(f"pairs must name two of {len(self.masks)} masks")


def reduce_overlaps(prediction: OverlappingMasks) -> tuple[Segmentation, RelationScores]:
    """Return one segment per object, surest first, and one row of scores per pair.

    Equal confidences keep the order of the masks. Pairs keep their order.
    """
    label_map, kept, object_of = _paint(prediction)
    segmentation = Segmentation(label_map, prediction.labels[kept], prediction.scores[kept])
    return segmentation, _reduce_pairs(prediction.relations, object_of, len(kept))


def mask_iou(masks: np.ndarray) -> np.ndarray:
    """Return float64 [mask, mask] in [0, 1] of bool [mask, height, width]; 0 for empty masks."""
    height, width = masks.shape[1:]
    flat = masks.reshape(len(masks), height * width).astype(np.float32)
    # Sums of ones are exact in float32 up to 2^24 px, four times a picture of 4 MP.
    shared = (flat @ flat.T).astype(np.float64)
    area = np.diagonal(shared)
    return shared / np.maximum(area[:, None] + area[None, :] - shared, 1)


def _paint(prediction: OverlappingMasks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return label map, masks that became segments, and the segment of every mask."""
    iou = mask_iou(prediction.masks)
    object_of = np.full(len(iou), _DROPPED, np.int64)
    label_map = np.full(prediction.masks.shape[1:], VOID, np.int32)
    kept: list[int] = []
    order = np.argsort(-prediction.scores, kind="stable")
    for place, mask in enumerate(order.tolist()):
        free = prediction.masks[mask] & (label_map == VOID)
        if object_of[mask] != _DROPPED or not free.any():
            continue
        label_map[free] = object_of[mask] = len(kept)
        # Not what came before: a covered mask does not copy a less certain one.
        less_sure = order[place + 1 :]
        same = (object_of[less_sure] == _DROPPED) & (iou[mask, less_sure] >= SAME_OBJECT_IOU)
        object_of[less_sure[same]] = len(kept)
        kept.append(mask)
    return label_map, np.array(kept, np.int64), object_of


def _reduce_pairs(
    relations: RelationScores, object_of: np.ndarray, num_segments: int
) -> RelationScores:
    ends = object_of[relations.pairs]
    usable = np.flatnonzero((ends != _DROPPED).all(axis=1) & (ends[:, 0] != ends[:, 1]))
    _, first = np.unique(ends[usable] @ (num_segments, 1), return_index=True)
    rows = usable[np.sort(first)]
    return replace(relations.rows(rows), pairs=ends[rows].astype(np.int32))
