# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two networks with the panoptic merge between them.

`patch_tokens` go from one to the other as they are, so they may stay on a device. There masks
compete, too, and overlaps are measured where the backend has such steps; which queries become
segments, and which pairs are related, is decided on the host, which follows segments in between.

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
    in   cells         int32   [pair, token]          a cell without overlap counts for nothing
         subject_overlap, object_overlap float32 [pair, token]
  One that compares with words has their vectors for an input, and a column for each of them:
    in   label_words   float32 [label, dim]           of `segmenter`; rows of zeros are no word
         predicate_words float32 [predicate, dim]     of `relations`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.forms.form import (
    MergeSettings,
    check_class_columns,
    check_relation_columns,
)
from psg_ros.robot.forms.relations import RelationNetwork
from psg_ros.robot.forms.segmentation import SegmenterNetwork
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.forms.words import check_open
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

    def relate(self, regions: Regions, pairs: np.ndarray, clock: StepClock) -> RelationScores:
        """See `Segmented.relate`."""
        inputs = self.network.prepare(self.masks, regions, self.placement, pairs)
        clock.lap("regions")
        scores = self.network.infer(self.patch_tokens, inputs)
        clock.lap("relations")
        return scores


class TwoFiles:
    """See `psg_ros.robot.forms.form.Form`."""

    ARTIFACTS: ClassVar[tuple[str, ...]] = ("segmenter", "relations")
    RELATES: ClassVar[bool] = True

    def __init__(self, folder: ModelFolder, *backends: Backend) -> None:
        segmenter, relations = backends
        self._segmenter = SegmenterNetwork(segmenter, folder)
        self._relations = RelationNetwork(relations, folder)

    @staticmethod
    def check(folder: ModelFolder) -> None:
        """See `Form.check`."""
        check_class_columns(folder, "segmenter")
        check_relation_columns(folder, "relations")
        if folder.manifest.grid_hw is None or folder.manifest.cell_px is None:
            raise ValueError(f"{folder.path}: a relation stage needs grid_hw and cell_px")

    def send(self, raw: RawPicture) -> None:
        """See `Form.send`."""
        self._segmenter.send(raw)

    def segment(
        self,
        image_rgb: np.ndarray,
        settings: MergeSettings,
        clock: StepClock,
        raw: RawPicture | None = None,
    ) -> RelatedByNetwork:
        """See `Form.segment`."""
        found = self._segmenter.segment(image_rgb, settings, clock, raw)
        return RelatedByNetwork(found.masks, found.patch_tokens, found.placement, self._relations)

    def take_words(self, folder: ModelFolder) -> None:
        """See `Form.take_words`."""
        check_open(folder)
        self._segmenter.take_words(folder)
        self._relations.take_words(folder)

    def adopt(
        self, image_rgb: np.ndarray, segmentation: Segmentation, clock: StepClock
    ) -> RelatedByNetwork:
        """See `Form.adopt`."""
        placement = self._segmenter.prepare(image_rgb)
        clock.lap("preprocess")
        patch_tokens = self._segmenter.tokens()
        clock.lap("segmenter")
        content = resize_nearest(
            segmentation.label_map, placement.content_hw, segmentation.image_hw
        )
        masks = MergedMasks(segmentation, content, stride=1)
        clock.lap("merge")
        return RelatedByNetwork(masks, patch_tokens, placement, self._relations)
