# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter, and beside it a network that finds boxes and relates them.

Both look at the whole image. The boxes are matched to the segments, by name of label and overlap,
and the relations are moved over; the boxes themselves are not shown.

Artifact `segmenter` is that of the form `segmenter_only`.
Artifact `box_relations` is as REACT++ is published (names of tensors and their order are free)
    in   input  float32 [1, 3, H, W]   RGB in 0..1, scaled to fit, in the middle, grey (114) around
    out  boxes  float32 [box, 6]       left, top, right, bottom in px of H, W; label from 1, score
         rels    float32 [relation, 5]  subject, object (rows of boxes), predicate from 1, score of
                                       the triplet, score of the predicate
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.forms.box_relations import BoxRelationNetwork, Translation, tensors_of
from psg_ros.robot.forms.form import MergeSettings, check_class_columns
from psg_ros.robot.forms.segmentation import SegmenterNetwork
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.forms.words import raise_closed
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.runtime.backend import Backend
from psg_ros.scene_graph import RelationScores, Segmentation


@dataclass(frozen=True)
class RelatedByBoxes:
    """Segments, and the image for the network of boxes to look at; see `Segmented`."""

    segmentation: Segmentation
    image_rgb: np.ndarray
    network: BoxRelationNetwork

    def relate(self, regions: Regions, pairs: np.ndarray, clock: StepClock) -> RelationScores:
        """Return scores of those of the pairs that the network relates, and of no others."""
        where = self.network.prepare(self.image_rgb)
        clock.lap("regions")
        found = self.network.infer(where)
        scores = self.network.relate(found, self.segmentation, regions, pairs)
        clock.lap("relations")
        return scores


class SegmenterAndBoxes:
    """See `psg_ros.robot.forms.form.Form`."""

    ARTIFACTS: ClassVar[tuple[str, ...]] = ("segmenter", "box_relations")
    RELATES: ClassVar[bool] = True

    def __init__(self, folder: ModelFolder, *backends: Backend) -> None:
        segmenter, boxes = backends
        self._segmenter = SegmenterNetwork(segmenter, folder)
        self._boxes = BoxRelationNetwork(boxes, folder)

    @staticmethod
    def check(folder: ModelFolder) -> None:
        """See `Form.check`."""
        check_class_columns(folder, "segmenter")
        tensors_of(folder.manifest.artifact("box_relations"))
        translation = Translation(folder)
        if not translation.same_label.any():
            raise ValueError(
                f"{folder.path}: segmenter and network of boxes have no label in common"
            )
        if (translation.predicates < 0).all():
            raise ValueError(
                f"{folder.path}: no predicate of the network of boxes is one of labels.yaml"
            )

    def send(self, raw: RawPicture) -> None:
        """See `Form.send`."""
        self._segmenter.send(raw)

    def segment(
        self,
        image_rgb: np.ndarray,
        settings: MergeSettings,
        clock: StepClock,
        raw: RawPicture | None = None,
    ) -> RelatedByBoxes:
        """See `Form.segment`."""
        found = self._segmenter.segment(image_rgb, settings, clock, raw)
        return RelatedByBoxes(found.masks.segmentation, image_rgb, self._boxes)

    def take_words(self, folder: ModelFolder) -> None:
        """See `Form.take_words`."""
        raise_closed(folder)

    def adopt(
        self, image_rgb: np.ndarray, segmentation: Segmentation, clock: StepClock
    ) -> RelatedByBoxes:
        """See `Form.adopt`."""
        clock.lap("segmenter")
        return RelatedByBoxes(segmentation, image_rgb, self._boxes)
