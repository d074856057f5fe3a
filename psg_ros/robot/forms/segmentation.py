# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The segmenter network: an image -> query logits -> panoptic segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.frame import RawPicture
from psg_ros.robot.forms.contest import device_contest
from psg_ros.robot.forms.form import MergeSettings
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.forms.words import without_padding, word_inputs
from psg_ros.robot.manifest import ModelFolder
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.panoptic import Contested, MergedMasks, merge, settle
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.device_steps import steps_of
from psg_ros.robot.runtime.tensors import Tensor

ON_DEVICE = ("class_logits", "mask_logits", "patch_tokens")
"""Outputs that are not needed on the host once masks have competed on the device."""

NO_TOKENS = np.zeros((1, 0, 0), np.float32)


@dataclass(frozen=True)
class SegmenterOutput:
    """What the network says, without the batch axis; valid until the next `infer`.

    Attributes:
        masks: how its masks competed, on the device; or class_logits float32 [query, label + 1] and
            mask_logits float32 [query, h, w].
        patch_tokens: float32 [1, cell, dim], input of the relation network as it is, so it may
            have stayed on the device; [1, 0, 0] of a segmenter that makes none.
    """

    masks: Contested | tuple[np.ndarray, np.ndarray]
    patch_tokens: Tensor


@dataclass(frozen=True)
class FoundSegments:
    """The segments of an image, where it lies in the network input, and its patch tokens."""

    masks: MergedMasks
    placement: Placement
    patch_tokens: Tensor


class SegmenterNetwork:
    """Keeps its input buffer and working memory; use it from one thread at a time."""

    def __init__(self, backend: Backend, folder: ModelFolder) -> None:
        self._backend, self._steps = backend, steps_of(backend)
        self._input = NetworkInput(folder.manifest, self._steps)
        self._stride = folder.manifest.mask_stride
        self._scratch = Scratch()
        self.take_words(folder)

    def take_words(self, folder: ModelFolder) -> None:
        """Use a vocabulary from the next image on."""
        self._words = word_inputs(folder, "segmenter")
        self._num_labels = folder.vocabulary.num_labels
        self._is_thing = np.array([label.is_thing for label in folder.vocabulary.labels])

    def send(self, raw: RawPicture) -> None:
        """See `Form.send`."""
        if self._steps is not None:
            self._steps.send(raw)

    def segment(
        self,
        image_rgb: np.ndarray,
        settings: MergeSettings,
        clock: StepClock,
        raw: RawPicture | None,
    ) -> FoundSegments:
        """Find the segments of an image; see `Form.segment`."""
        placement = self.prepare(image_rgb, raw)
        clock.lap("preprocess")
        output = self.infer(placement, settings)
        clock.lap("segmenter")
        masks = self.merge(output, placement, settings)
        clock.lap("merge")
        return FoundSegments(masks, placement, output.patch_tokens)

    def prepare(self, image_rgb: np.ndarray, raw: RawPicture | None = None) -> Placement:
        """Write an image uint8 [height, width, 3] into the network input; returns where it lies.

        Args:
            raw: the same image as it came from the camera.
        """
        return self._input.write(image_rgb, raw)

    def infer(self, placement: Placement, settings: MergeSettings) -> SegmenterOutput:
        """Run the network on the image written last."""
        inputs = {"image": self._input.tensor, **self._words}
        # Masks compete on the device over all columns, and those behind the last word are none.
        if self._steps is not None and not self._words:
            contest = device_contest(placement, settings, self._stride)
            if (found := self._steps.run(inputs, ON_DEVICE, contest)) is not None:
                outputs, result = found
                scores, labels = (a[result.queries] for a in (result.scores, result.labels))
                codes, own_areas = result.codes, result.own_areas
                contested = Contested(scores, labels.astype(np.int64), codes, own_areas)
                return SegmenterOutput(contested, outputs.get("patch_tokens", NO_TOKENS))
        outputs = self._backend.run(inputs, keep=("patch_tokens",))
        class_logits = outputs["class_logits"][0]
        if self._words:
            class_logits = without_padding(class_logits, self._num_labels)
        masks = (class_logits, outputs["mask_logits"][0])
        return SegmenterOutput(masks, outputs.get("patch_tokens", NO_TOKENS))

    def tokens(self) -> Tensor:
        """Run the network on the image written last, for its patch tokens alone."""
        inputs = {"image": self._input.tensor, **self._words}
        outputs = self._backend.run(inputs, keep=ON_DEVICE)
        return outputs.get("patch_tokens", NO_TOKENS)

    def merge(
        self, output: SegmenterOutput, placement: Placement, settings: MergeSettings
    ) -> MergedMasks:
        """Turn the network's answer into a partition of the image."""
        if isinstance(output.masks, Contested):
            return settle(
                output.masks,
                placement,
                stride=self._stride,
                resolution=settings.resolution,
                overlap_threshold=settings.overlap_threshold,
                is_thing=self._is_thing,
                min_area=settings.min_area,
            )
        return merge(
            *output.masks,
            placement,
            resolution=settings.resolution,
            score_threshold=settings.score_threshold,
            overlap_threshold=settings.overlap_threshold,
            is_thing=self._is_thing,
            min_area=settings.min_area,
            scratch=self._scratch,
        )
