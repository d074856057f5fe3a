# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model of one file that finds segments and relates nothing.

Artifact `segmenter` is that of the form `two_files`, without `patch_tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.forms.form import MergeSettings, check_class_columns
from psg_ros.robot.forms.segmentation import SegmenterNetwork
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.forms.words import check_open
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.runtime.backend import Backend
from psg_ros.scene_graph import RelationScores, Segmentation


@dataclass(frozen=True)
class Unrelated:
    """Segments without scores of pairs; see `Segmented`."""

    segmentation: Segmentation
    num_predicates: int

    def relate(self, regions: Regions, pairs: np.ndarray, clock: StepClock) -> RelationScores:
        """Return scores of no pair: nothing learned looks at them."""
        clock.lap("regions")
        none = np.zeros((0, 2), np.int32)
        return RelationScores(none, np.zeros((0, self.num_predicates + 1), np.float32))


class SegmenterOnly:
    """See `psg_ros.robot.forms.form.Form`."""

    ARTIFACTS: ClassVar[tuple[str, ...]] = ("segmenter",)
    RELATES: ClassVar[bool] = False

    def __init__(self, folder: ModelFolder, *backends: Backend) -> None:
        (segmenter,) = backends
        self._segmenter = SegmenterNetwork(segmenter, folder)
        self._num_predicates = folder.vocabulary.num_predicates

    def take_words(self, folder: ModelFolder) -> None:
        """See `Form.take_words`."""
        check_open(folder)
        self._segmenter.take_words(folder)
        self._num_predicates = folder.vocabulary.num_predicates

    @staticmethod
    def check(folder: ModelFolder) -> None:
        """See `Form.check`."""
        check_class_columns(folder, "segmenter")

    def send(self, raw: RawPicture) -> None:
        """See `Form.send`."""
        self._segmenter.send(raw)

    def segment(
        self,
        image_rgb: np.ndarray,
        settings: MergeSettings,
        clock: StepClock,
        raw: RawPicture | None = None,
    ) -> Unrelated:
        """See `Form.segment`."""
        found = self._segmenter.segment(image_rgb, settings, clock, raw)
        return Unrelated(found.masks.segmentation, self._num_predicates)

    def adopt(
        self, image_rgb: np.ndarray, segmentation: Segmentation, clock: StepClock
    ) -> Unrelated:
        """See `Form.adopt`."""
        clock.lap("segmenter")
        return Unrelated(segmentation, self._num_predicates)
