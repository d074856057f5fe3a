# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The relation network: segments and patch tokens -> scores of all directed pairs.

One row of the network's input is an unordered pair i < j and answers both directions (DSFlash's
bidirectional head): forward is i -> j, backward j -> i.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from psg_ros.robot.forms.words import word_inputs
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.overlap import overlap_ratios
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.pruning import bucket_pairs
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.device_steps import DeviceSteps, steps_of
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

    def rows(self, first: int, last: int) -> Mapping[str, Tensor]:
        """Return the network's inputs for the pairs from `first` to before `last`."""
        part = slice(first, last)
        return {
            "subject_overlap": self.subject_overlap[part],
            "object_overlap": self.object_overlap[part],
            "boxes": self.boxes[part],
        }


@dataclass(frozen=True)
class DevicePairs:
    """Unordered pairs that the device has described; valid until the next image.

    Attributes:
        pairs: as of `PairInputs`.
    """

    pairs: np.ndarray
    steps: DeviceSteps

    def rows(self, first: int, last: int) -> Mapping[str, Tensor]:
        """Return the network's inputs for the pairs from `first` to before `last`."""
        return self.steps.pair_inputs(first, last)


class RelationNetwork:
    """Use it from one thread at a time."""

    def __init__(self, backend: Backend, folder: ModelFolder) -> None:
        manifest = folder.manifest
        assert manifest.grid_hw is not None and manifest.cell_px is not None, "checked on loading"
        self._backend, self._steps = backend, steps_of(backend)
        self._grid_hw = manifest.grid_hw
        self._cell_px = manifest.cell_px
        spec = manifest.artifact("relations")
        boxes = next(t for t in spec.inputs if t.name == "boxes")
        self._max_pairs = boxes.greatest[0]
        # The type of the cells, of a network that prunes; files of older exports take int64.
        self._cells_dtype = next((t.dtype for t in spec.inputs if t.name == "cells"), None)
        self.take_words(folder)

    def take_words(self, folder: ModelFolder) -> None:
        """Use a vocabulary from the next image on."""
        self._words = word_inputs(folder, "relations")
        self._num_columns = folder.vocabulary.num_predicates + 1

    def prepare(
        self, masks: MergedMasks, regions: Regions, placement: Placement, pairs: np.ndarray
    ) -> PairInputs | DevicePairs:
        """Describe pairs int32 [pair, 2] of segments, the first of each smaller than the second."""
        count = masks.segmentation.num_segments
        boxes = relative_boxes(regions.bbox_xyxy, placement)
        whole_cells = all(size % masks.stride == 0 for size in self._cell_px)
        if self._steps is not None and self._cells_dtype is None and whole_cells and len(pairs):
            cell_h, cell_w = (size // masks.stride for size in self._cell_px)
            self._steps.describe_pairs(
                masks.content_map, count, self._grid_hw, (cell_h, cell_w), boxes, pairs
            )
            return DevicePairs(pairs, self._steps)
        overlap = overlap_ratios(
            masks.content_map, masks.stride, count, self._grid_hw, self._cell_px
        )
        first, second = pairs.T
        pair_boxes = np.concatenate([boxes[first], boxes[second]], axis=1)
        return PairInputs(pairs, overlap[first], overlap[second], pair_boxes)

    def infer(self, patch_tokens: Tensor, inputs: PairInputs | DevicePairs) -> RelationScores:
        """Score both directions of every pair; without pairs the network is not called."""
        if not len(inputs.pairs):
            empty = np.zeros((0, self._num_columns), np.float32)
            return RelationScores(inputs.pairs, empty)
        if self._cells_dtype is not None and isinstance(inputs, PairInputs):
            logits = self._run_pruned(patch_tokens, inputs)
        else:
            logits = self._run_dense(patch_tokens, inputs)
        return RelationScores(np.concatenate([inputs.pairs, inputs.pairs[:, ::-1]]), logits)

    def _run_dense(self, patch_tokens: Tensor, inputs: PairInputs | DevicePairs) -> np.ndarray:
        """Return float32 [2 pair, column]: forward logits, then backward logits."""
        count = len(inputs.pairs)
        logits = np.empty((2, count, self._num_columns), np.float32)
        for first in range(0, count, self._max_pairs):
            last = min(first + self._max_pairs, count)
            rows = inputs.rows(first, last)
            outputs = self._backend.run({"patch_tokens": patch_tokens, **rows, **self._words})
            self._keep(outputs, logits, slice(first, last))
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
                        "cells": cells.astype(self._cells_dtype, copy=False),
                        "subject_overlap": subject[pairs[:, None], cells],
                        "object_overlap": other[pairs[:, None], cells],
                        "boxes": inputs.boxes[pairs],
                        **self._words,
                    }
                )
                self._keep(outputs, logits, pairs)
        return logits.reshape(2 * count, self._num_columns)

    def _keep(
        self, outputs: Mapping[str, np.ndarray], logits: np.ndarray, rows: slice | np.ndarray
    ) -> None:
        """Copy both directions of some pairs; columns behind the last one are of no word."""
        for direction, name in enumerate(("forward_logits", "backward_logits")):
            logits[direction, rows] = outputs[name][:, : self._num_columns]


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
