# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The seam between a segmenter and all that trains, exports and measures it.

A new segmenter is a `SegmenterConfig`, a `Segmenter` and one line in `segmenters.table`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.segmenter_config import SegmenterConfig

Predictions = Sequence[tuple[Tensor | None, Tensor]]
"""Class and mask logits, see `TrainingStep.losses`."""


class SegmenterOutput(NamedTuple):
    """What a segmenter says of a batch of images.

    Attributes:
        class_logits: the last column is "no object".
        mask_logits: at `mask_stride`.
        features: one [batch, cell, width] for each of the config's `feature_maps`; cells are
            row-major.
    """

    class_logits: Float[Tensor, "batch query column"]
    mask_logits: Float[Tensor, "batch query mask_h mask_w"]
    features: tuple[Tensor, ...]


class LearningRate(NamedTuple):
    """How fast a parameter learns in stage 1.

    Attributes:
        scale: factor on the learning rate.
        backbone: whether it waits for the warmup of the backbone.
        decays: whether weight decay may shrink it; vectors have a setting of their own.
    """

    scale: float = 1.0
    backbone: bool = False
    decays: bool = True


class TrainingStep(Protocol):
    """What stage 1 gives a segmenter that is to learn from a part of a batch."""

    @property
    def settings(self) -> Any:
        """Return the `psg_ros.training.config.SegmentationTraining`."""

    @property
    def samples_seen(self) -> int:
        """Return how many samples the run has learned from before this step."""

    @property
    def generators(self) -> Sequence[torch.Generator]:
        """Return one generator an image, for all that is drawn at random."""

    def losses(
        self,
        predictions: Predictions,
        mask_features: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the weighted loss terms by name.

        Args:
            predictions: class and mask logits, as in `SegmenterOutput`; several where layers in
                between predict, too. Masks may have any resolution. Without class logits, masks
                alone are matched and learned from; the last prediction has some.
            mask_features: float [image, mask_width, h, w] on the grid of `mask_stride`, for the
                throw-away semantic head; None where the config's `mask_width` is 0.
        """


class Segmenter(nn.Module, ABC):
    """A network from images to class logits, mask logits and features.

    Images are float [batch, 3, h, w], RGB 0..255: a segmenter normalises by itself.

    Attributes:
        num_labels: without "no object".
        label_parts: beginnings of the names of weights that another vocabulary, or another number
            of queries, makes useless.
        head_parts: likewise of all weights that a bare backbone lacks.
        compares_words: whether it heeds `text_encoder` (`psg_ros.network.word_scores.class_head`).
    """

    label_parts: tuple[str, ...] = ()
    head_parts: tuple[str, ...] = ()
    compares_words: ClassVar[bool] = False

    def __init__(self, config: SegmenterConfig, num_labels: int) -> None:
        super().__init__()
        self.config, self.num_labels = config, num_labels

    @abstractmethod
    def forward(self, pixels: Float[Tensor, "batch 3 h w"]) -> SegmenterOutput:
        """Return the whole output; it must export to ONNX for a batch of one."""

    @abstractmethod
    def encode(self, pixels: Float[Tensor, "batch 3 h w"]) -> tuple[Tensor, ...]:
        """Return the features of `forward` alone, without computing what they do not need."""

    @abstractmethod
    def parts_without_features(self) -> list[nn.Module | nn.Parameter]:
        """Return all that no feature depends on, so that stage 2 cannot teach it."""

    def training_losses(
        self, pixels: Float[Tensor, "batch 3 h w"], step: TrainingStep
    ) -> dict[str, Tensor]:
        """Return the weighted loss terms of images; called in the precision of the training.

        All parameters must take part. A segmenter may add terms of its own.
        """
        output = self(pixels)
        return step.losses([(output.class_logits, output.mask_logits)])

    def learning_rate(self, name: str, settings: Any) -> LearningRate:
        """Return how fast the parameter of this name learns in stage 1; all alike by default.

        Args:
            settings: `psg_ros.training.config.SegmentationTraining`.
        """
        return LearningRate()

    def frozen_parts(self, samples_seen: int, settings: Any) -> list[nn.Module]:
        """Return the parts that do not learn yet at this moment of stage 1; none by default.

        Args:
            settings: `psg_ros.training.config.SegmentationTraining`. Parts that wait are for one
                process: several share the gradients of all parameters from the start.
        """
        return []

    def num_tokens(self, image_hw: Sequence[int]) -> int:
        """Return the length of the longest sequence of attention; 0 where there is none."""
        return 0
