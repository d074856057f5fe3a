# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The relation network: segments and patch tokens -> scores of all directed pairs.

One row of the network's input is an unordered pair i < j and answers both directions (DSFlash's
bidirectional head): forward is i -> j, backward j -> i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.robot.manifest import Manifest
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.pruning import bucket_pairs
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.tensors import Tensor
from psg_ros.scene_graph import RelationScores


@dataclass(frozen=True)
class PairInputs:
    """Network input of P unordered pairs.

    Attributes:
        pairs: int32 [pair, 2]; segment indices, the first smaller than the second.
        subject_overlap, object_overlap: float32 [pair, cell].
        boxes: float32 [pair, 8].
    """

    pairs: np.ndarray
    subject_overlap: np.ndarray
    object_overlap: np.ndarray
    boxes: np.ndarray


class RelationNetwork:
    """Use it from one thread at a time."""

    def __init__(self, backend: Backend, manifest: Manifest) -> None:
        assert manifest.grid_hw is not None and manifest.cell_px is not None, "checked on loading"
        self._backend = backend
        self._grid_hw = manifest.grid_hw
        self._cell_px = manifest.cell_px
        spec = manifest.artifact("relations")
        boxes = next(t for t in spec.inputs if t.name == "boxes")
        self._max_pairs = boxes.greatest[0]
        logits = next(t for t in spec.outputs if t.name == "forward_logits")
        self._num_columns = logits.shape[-1]
        self._prunes = any(tensor.name == "cells" for tensor in spec.inputs)

    def prepare(
        self, masks: MergedMasks, regions: Regions, placement: Placement, max_segments: int = 0
    ) -> PairInputs:
        """Describe all pairs of segments, or of the `max_segments` best-scored ones (0: all)."""
        scores = masks.segmentation.scores
        pairs = unordered_pairs(best_segments(scores, max_segments))
        first, second = pairs.T
        overlap = overlap_ratios(
            masks.content_map, masks.stride, len(scores), self._grid_hw, self._cell_px
        )
        boxes = relative_boxes(regions.bbox_xyxy, placement)
        pair_boxes = np.concatenate([boxes[first], boxes[second]], axis=1)
        return PairInputs(pairs, overlap[first], overlap[second], pair_boxes)

    def infer(self, patch_tokens: Tensor, inputs: PairInputs) -> RelationScores:
        """Score both directions of every pair; without pairs the network is not called."""
        if not len(inputs.pairs):
            empty = np.zeros((0, self._num_columns), np.float32)
            return RelationScores(inputs.pairs, empty)
        run = self._run_pruned if self._prunes else self._run_dense
        return RelationScores(
            np.concatenate([inputs.pairs, inputs.pairs[:, ::-1]]), run(patch_tokens, inputs)
        )

    def _run_dense(self, patch_tokens: Tensor, inputs: PairInputs) -> np.ndarray:
        """Return float32 [2 pair, column]: forward logits, then backward logits."""
        count = len(inputs.pairs)
        logits = np.empty((2, count, self._num_columns), np.float32)
        for first in range(0, count, self._max_pairs):
            part = slice(first, first + self._max_pairs)
            outputs = self._backend.run(
                {
                    "patch_tokens": patch_tokens,
                    "subject_overlap": inputs.subject_overlap[part],
                    "object_overlap": inputs.object_overlap[part],
                    "boxes": inputs.boxes[part],
                }
            )
            logits[0, part] = outputs["forward_logits"]
            logits[1, part] = outputs["backward_logits"]
        return logits.reshape(2 * count, self._num_columns)

    def _run_pruned(self, patch_tokens: Tensor, inputs: PairInputs) -> np.ndarray:
        """Return what `_run_dense` does, from one call per bucket of pairs of similar size."""
        subject, other, count = inputs.subject_overlap, inputs.object_overlap, len(inputs.pairs)
        logits = np.empty((2, count, self._num_columns), np.float32)
        for bucket in bucket_pairs(subject, other):
            for first in range(0, len(bucket.pairs), self._max_pairs):
                part = slice(first, first + self._max_pairs)
                pairs, cells = bucket.pairs[part], bucket.cells[part]
                outputs = self._backend.run(
                    {
                        "patch_tokens": patch_tokens,
                        "cells": cells,
                        "subject_overlap": subject[pairs[:, None], cells],
                        "object_overlap": other[pairs[:, None], cells],
                        "boxes": inputs.boxes[pairs],
                    }
                )
                logits[0, pairs] = outputs["forward_logits"]
                logits[1, pairs] = outputs["backward_logits"]
        return logits.reshape(2 * count, self._num_columns)


def best_segments(scores: np.ndarray, limit: int) -> np.ndarray:
    """Return the indices int64 [segment] of the `limit` highest scores (0: all), ascending."""
    if not 0 < limit < len(scores):
        return np.arange(len(scores))
    return np.sort(np.argsort(-scores, kind="stable")[:limit])


def unordered_pairs(segments: np.ndarray) -> np.ndarray:
    """Return all pairs i < j of ascending segment indices as int32 [pair, 2]."""
    first, second = np.triu_indices(len(segments), k=1)
    return np.stack([segments[first], segments[second]], axis=1).astype(np.int32)


def relative_boxes(bbox_xyxy: np.ndarray, placement: Placement) -> np.ndarray:
    """Map boxes [segment, 4] from image px to float32 -1..1 of the whole network input."""
    scale_yx = [
        2 * content / (image * whole)
        for content, image, whole in zip(
            placement.content_hw, placement.image_hw, placement.input_hw, strict=True
        )
    ]
    scale_xyxy = np.array([*scale_yx[::-1], *scale_yx[::-1]])
    return (bbox_xyxy * scale_xyxy - 1).astype(np.float32)
