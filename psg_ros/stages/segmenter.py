# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""First stage: an image -> panoptic segments and the patch tokens for the relation stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.manifest import Manifest
from psg_ros.ops.image import Placement
from psg_ros.ops.panoptic import MergedMasks, merge
from psg_ros.ops.scratch import Scratch
from psg_ros.runtime.backend import Backend
from psg_ros.stages.network_input import NetworkInput


@dataclass(frozen=True)
class MergeSettings:
    """How query masks become segments; see `psg_ros.ops.panoptic.merge`."""

    score_threshold: float
    overlap_threshold: float
    resolution: str
    min_area: float = 0.0


@dataclass(frozen=True)
class SegmenterOutput:
    """Arrays of the network, without the batch axis; valid until the next `infer`.

    Attributes:
        class_logits: float32 [query, label + 1].
        mask_logits: float32 [query, h, w].
        patch_tokens: float32 [1, cell, dim]; input of the relation stage as it is.
    """

    class_logits: np.ndarray
    mask_logits: np.ndarray
    patch_tokens: np.ndarray


class Segmenter:
    """Keeps its input buffer and working memory; use it from one thread at a time."""

    def __init__(self, backend: Backend, manifest: Manifest, vocabulary: Vocabulary) -> None:
        self._backend = backend
        self._input = NetworkInput(manifest)
        self._scratch = Scratch()
        self._is_thing = np.array([label.is_thing for label in vocabulary.labels])

    def prepare(self, image_rgb: np.ndarray) -> Placement:
        """Write an image uint8 [height, width, 3] into the network input; returns where it lies."""
        return self._input.write(image_rgb)

    def infer(self) -> SegmenterOutput:
        """Run the network on the image written last."""
        outputs = self._backend.run({"image": self._input.array})
        return SegmenterOutput(
            outputs["class_logits"][0], outputs["mask_logits"][0], outputs["patch_tokens"]
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
