# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Both stages in one network: an image -> panoptic segments and scores of all directed pairs.

The network decides on the raw mask grid which queries become segments, and describes and scores
their pairs there. The masks may be enlarged here all the same: then the same segments compete again
at the wanted size, while their relations stay those of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.manifest import FUSED, Manifest
from psg_ros.ops.image import Placement
from psg_ros.ops.panoptic import (
    best_label,
    both_maps,
    contest,
    drop_absent,
    may_hide_segments,
)
from psg_ros.ops.scratch import Scratch
from psg_ros.runtime.backend import Backend
from psg_ros.scene_graph import VOID, RelationScores, Segmentation
from psg_ros.stages.network_input import NetworkInput
from psg_ros.stages.relations import best_segments, relative_boxes, unordered_pairs
from psg_ros.stages.segmenter import MergeSettings


@dataclass(frozen=True)
class FusedOutput:
    """Arrays of the network; valid until the next `infer`.

    Slots are the best queries by class score, in the order of the queries. Their number stands for
    «no segment».

    Attributes:
        class_logits: float32 [slot, label + 1].
        segment_of: int32 [slot]; first slot of the same segment.
        segment_map: uint8 [h, w] over the whole network input; first slot of the segment.
        mask_logits: float32 [slot, h, w].
        forward_logits, backward_logits: float32 [pair, column]; of all pairs of slots.
    """

    class_logits: np.ndarray
    segment_of: np.ndarray
    segment_map: np.ndarray
    mask_logits: np.ndarray
    forward_logits: np.ndarray
    backward_logits: np.ndarray


class Fused:
    """Keeps its input buffer and working memory; use it from one thread at a time."""

    def __init__(self, backend: Backend, manifest: Manifest, vocabulary: Vocabulary) -> None:
        self._backend = backend
        self._input = NetworkInput(manifest)
        self._mask_stride = manifest.mask_stride
        self._num_labels = vocabulary.num_labels
        outputs = {tensor.name: tensor.shape for tensor in manifest.artifact(FUSED).outputs}
        (num_slots,) = outputs["segment_of"]
        self._row_of_pair = np.zeros((num_slots, num_slots), np.int64)
        self._row_of_pair[np.triu_indices(num_slots, k=1)] = np.arange(outputs["forward_logits"][0])
        self._scratch = Scratch()

    def prepare(self, image_rgb: np.ndarray) -> Placement:
        """Write an image uint8 [height, width, 3] into the network input; returns where it lies."""
        return self._input.write(image_rgb)

    def infer(self, placement: Placement, settings: MergeSettings) -> FusedOutput:
        """Run the network on the image written last."""
        row_edges, column_edges = grid_edges(placement, self._mask_stride)
        content_hw = [-(-size // self._mask_stride) for size in placement.content_hw]
        outputs = self._backend.run(
            {
                "image": self._input.array,
                "thresholds": np.array(
                    [settings.score_threshold, settings.overlap_threshold], np.float32
                ),
                "content_hw": np.array(content_hw, np.int64),
                "row_edges": row_edges,
                "column_edges": column_edges,
            }
        )
        return FusedOutput(**outputs)

    def merge(
        self, output: FusedOutput, placement: Placement, settings: MergeSettings
    ) -> tuple[Segmentation, np.ndarray]:
        """Return the partition of the image, and the slot int64 [segment] of each segment."""
        scores, labels = best_label(output.class_logits)
        num_slots, stride = len(scores), self._mask_stride
        slots = np.flatnonzero(output.segment_of == np.arange(num_slots))
        if settings.resolution == "mask":
            rows, cols = (-(-size // stride) for size in placement.content_hw)
            owners = output.segment_map[:rows, :cols]
        else:
            kept = (labels < self._num_labels) & (scores > settings.score_threshold)
            owners = self._contest_again(output, np.flatnonzero(kept), scores, placement, settings)
        covered = np.bincount(owners.ravel(), minlength=num_slots + 1)[slots]
        slots = slots[covered >= settings.min_area * owners.size]
        index_of = np.full(num_slots + 1, VOID, np.int32)
        index_of[slots] = np.arange(len(slots))
        label_map, grid_map = both_maps(
            index_of.take(owners), placement, stride, settings.resolution
        )
        # A segment of the grid may win nothing when it competes again.
        if settings.resolution != "mask" or may_hide_segments(placement, stride, "mask"):
            slots, label_map, _ = drop_absent(slots, label_map, grid_map)
        return Segmentation(label_map, labels[slots], scores[slots]), slots

    def relate(
        self, output: FusedOutput, slots: np.ndarray, scores: np.ndarray, max_segments: int = 0
    ) -> RelationScores:
        """Return both directions of all pairs of segments.

        Args:
            slots, scores: of each segment.
            max_segments: pairs only of this many best-scored segments; 0: all.
        """
        pairs = unordered_pairs(best_segments(scores, max_segments))
        first, second = slots[pairs].T
        rows = self._row_of_pair[first, second]
        logits = (output.forward_logits[rows], output.backward_logits[rows])
        both = np.concatenate([pairs, pairs[:, ::-1]])
        return RelationScores(both, np.concatenate(logits))

    def _contest_again(
        self,
        output: FusedOutput,
        kept: np.ndarray,
        scores: np.ndarray,
        placement: Placement,
        settings: MergeSettings,
    ) -> np.ndarray:
        """Return the owner of each pixel like `segment_map`, at the size that is asked for."""
        kept, codes, _ = contest(
            output.mask_logits, kept, scores, placement, settings.resolution, self._scratch
        )
        owner_of = np.full(2 * len(kept) + 1, len(scores), np.int32)
        owner_of[: len(kept)] = output.segment_of[kept]
        return owner_of.take(codes)


def grid_edges(placement: Placement, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where nearest-neighbour enlarging puts the lines of the mask grid.

    Args:
        stride: network-input px per cell of the mask grid.

    Returns:
        float32 [h + 1] and [w + 1], in -1..1 of the whole network input, as `relative_boxes`; lines
        beyond the image lie on its border.
    """
    rows, columns = (
        np.searchsorted((np.arange(size) + 0.5) * (content / stride / size), np.arange(cells + 1))
        for size, content, cells in zip(
            placement.image_hw,
            placement.content_hw,
            (whole // stride for whole in placement.input_hw),
            strict=True,
        )
    )
    across, down = (
        relative_boxes(lines[:, None].repeat(4, axis=1), placement) for lines in (columns, rows)
    )
    return down[:, 1], across[:, 0]
