# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two networks with the panoptic merge between them, on the host.

`patch_tokens` go from one to the other as they are, so they may stay on a device.

Artifact `segmenter` (fixed shapes)
    in   image         uint8   [1, H, W, 3]           RGB, padded right and bottom with zeros
    out  class_logits  float32 [1, query, label + 1]  "no object" last
         mask_logits   float32 [1, query, h, w]       h = H / mask_stride
         patch_tokens  float32 [1, cell, dim]         relation features, row-major over grid_hw
Artifact `relations` (the pair axis is free)
    in   patch_tokens  float32 [1, cell, dim]
         subject_overlap, object_overlap float32 [pair, cell]   share of a cell under the mask, 0..1
         boxes         float32 [pair, 8]              subject then object, xyxy in -1..1 of H, W
    out  forward_logits, backward_logits float32 [pair, 1 + predicate]   column 0 "no relation"
  A network that prunes has a free token axis, too, and is told which cells it gets:
    in   cells         int64   [pair, token]          a cell without overlap counts for nothing
         subject_overlap, object_overlap float32 [pair, token]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psg_ros.robot.forms.form import (
    MergeSettings,
    check_class_columns,
    check_relation_columns,
)
from psg_ros.robot.forms.relations import RelationNetwork
from psg_ros.robot.forms.segmentation import SegmenterNetwork, SegmenterOutput
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.image import Placement, resize_nearest
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.tensors import Tensor
from psg_ros.scene_graph import RelationScores, Segmentation


@dataclass(frozen=True)
class RelatedByNetwork:
    """Segments and what the relation network needs beside them; see `Segmented`."""

    masks: MergedMasks
    patch_tokens: Tensor
    placement: Placement
    network: RelationNetwork

    @property
    def segmentation(self) -> Segmentation:
        """The partition of the image."""
        return self.masks.segmentation

    def relate(self, regions: Regions, max_segments: int, clock: StepClock) -> RelationScores:
        """See `Segmented.relate`."""
        pairs = self.network.prepare(self.masks, regions, self.placement, max_segments)
        clock.lap("regions")
        scores = self.network.infer(self.patch_tokens, pairs)
        clock.lap("relations")
        return scores


class TwoFiles:
    """See `psg_ros.robot.forms.form.Form`."""

    ARTIFACTS: ClassVar[tuple[str, ...]] = ("segmenter", "relations")
    RELATES: ClassVar[bool] = True

    def __init__(self, folder: ModelFolder, *backends: Backend) -> None:
        segmenter, relations = backends
        self._segmenter = SegmenterNetwork(segmenter, folder)
        self._relations = RelationNetwork(relations, folder.manifest)

    @staticmethod
    def check(folder: ModelFolder) -> None:
        """See `Form.check`."""
        check_class_columns(folder, "segmenter")
        check_relation_columns(folder, "relations")
        if folder.manifest.grid_hw is None or folder.manifest.cell_px is None:
            raise ValueError(f"{folder.path}: a relation stage needs grid_hw and cell_px")

    def segment(
        self, image_rgb: np.ndarray, settings: MergeSettings, clock: StepClock
    ) -> RelatedByNetwork:
        """See `Form.segment`."""
        placement, output = self._look(image_rgb, clock)
        masks = self._segmenter.merge(output, placement, settings)
        clock.lap("merge")
        return RelatedByNetwork(masks, output.patch_tokens, placement, self._relations)

    def adopt(
        self, image_rgb: np.ndarray, segmentation: Segmentation, clock: StepClock
    ) -> RelatedByNetwork:
        """See `Form.adopt`."""
        placement, output = self._look(image_rgb, clock)
        content = resize_nearest(
            segmentation.label_map, placement.content_hw, segmentation.image_hw
        )
        masks = MergedMasks(segmentation, content, stride=1)
        clock.lap("merge")
        return RelatedByNetwork(masks, output.patch_tokens, placement, self._relations)

    def _look(self, image_rgb: np.ndarray, clock: StepClock) -> tuple[Placement, SegmenterOutput]:
        placement = self._segmenter.prepare(image_rgb)
        clock.lap("preprocess")
        output = self._segmenter.infer()
        clock.lap("segmenter")
        return placement, output
