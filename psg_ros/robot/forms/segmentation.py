# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The segmenter network: an image -> query logits -> panoptic segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.robot.forms.form import MergeSettings
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.panoptic import MergedMasks, merge
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.tensors import Tensor

NO_TOKENS = np.zeros((1, 0, 0), np.float32)


@dataclass(frozen=True)
class SegmenterOutput:
    """What the network says, without the batch axis; valid until the next `infer`.

    Attributes:
        class_logits: float32 [query, label + 1].
        mask_logits: float32 [query, h, w].
        patch_tokens: float32 [1, cell, dim], input of the relation network as it is, so it may
            have stayed on the device; [1, 0, 0] of a segmenter that makes none.
    """

    class_logits: np.ndarray
    mask_logits: np.ndarray
    patch_tokens: Tensor


class SegmenterNetwork:
    """Keeps its input buffer and working memory; use it from one thread at a time."""

    def __init__(self, backend: Backend, folder: ModelFolder) -> None:
        self._backend = backend
        self._input = NetworkInput(folder.manifest)
        self._scratch = Scratch()
        self._is_thing = np.array([label.is_thing for label in folder.vocabulary.labels])

    def prepare(self, image_rgb: np.ndarray) -> Placement:
        """Write an image uint8 [height, width, 3] into the network input; returns where it lies."""
        return self._input.write(image_rgb)

    def infer(self) -> SegmenterOutput:
        """Run the network on the image written last."""
        outputs = self._backend.run({"image": self._input.array}, keep=("patch_tokens",))
        return SegmenterOutput(
            outputs["class_logits"][0],
            outputs["mask_logits"][0],
            outputs.get("patch_tokens", NO_TOKENS),
        )

    def merge(
        self, output: SegmenterOutput, placement: Placement, settings: MergeSettings
    ) -> MergedMasks:
        """Turn the network's answer into a partition of the image."""
        return merge(
            output.class_logits,
            output.mask_logits,
            placement,
            resolution=settings.resolution,
            score_threshold=settings.score_threshold,
            overlap_threshold=settings.overlap_threshold,
            is_thing=self._is_thing,
            min_area=settings.min_area,
            scratch=self._scratch,
        )
