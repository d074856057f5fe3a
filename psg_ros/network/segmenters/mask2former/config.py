# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and variants of Mask2Former and PRO-SCALE. Needs no torch."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

from psg_ros.network.segmenters.pyramid_config import COARSEST_STRIDE, PyramidConfig
from psg_ros.setting_fields import checked

NORM_GROUPS = 32
"""Of every GroupNorm: `dim` is a multiple of it."""
LEAST_NORMED = 8
"""Values in a group of channels of the coarsest map: one cell of a published network."""


@dataclass(frozen=True)
class MaskTransformerConfig(PyramidConfig):
    """What Mask2Former and PRO-SCALE have in common: all but how the maps are encoded.

    Attributes:
        dim: channels behind the backbone.
        num_points: places at which an attention head of the encoder looks, on each map.
        encoder_hidden, decoder_hidden: widths inside the MLPs of both transformers.
        decoder_layers: a multiple of 3: the layers look at the three maps in turn.
    """

    dim: int = checked(256, minimum=NORM_GROUPS)
    num_points: int = checked(4, minimum=1)
    encoder_hidden: int = checked(1024, minimum=1)
    decoder_layers: int = checked(9, minimum=3)
    decoder_hidden: int = checked(2048, minimum=1)

    def __post_init__(self) -> None:
        if self.dim % NORM_GROUPS or self.dim % self.num_heads:
            what = f"a multiple of {NORM_GROUPS}, and of num_heads {self.num_heads}"
            raise ValueError(f"dim {self.dim} must be {what}")
        super().__post_init__()
        if self.decoder_layers % 3:
            what = "a multiple of 3: the layers look at three maps in turn"
            raise ValueError(f"decoder_layers {self.decoder_layers} must be {what}")

    @property
    @abstractmethod
    def encoder_stages(self) -> tuple[int, int, int]:
        """Return how many layers see the maps of stride 32; 32 and 16; 32, 16 and 8."""

    @property
    @abstractmethod
    def recalibrates(self) -> str:
        """Return how tokens are recalibrated: one of `ProScaleConfig.recalibration`."""

    @property
    @abstractmethod
    def embeds_pixels(self) -> str:
        """Return what follows the sum of the finest maps: `ProScaleConfig.pixel_embedding`."""

    def check_training(self, settings: Any) -> None:
        """See `SegmenterConfig`: of few values a norm leaves nothing but their signs."""
        for phase in settings.phases:
            cells = phase.input_hw[0] * phase.input_hw[1] // COARSEST_STRIDE**2
            values = cells * self.dim // NORM_GROUPS
            if values < LEAST_NORMED:
                what = f"larger: with dim {self.dim} a norm would see only {values} values"
                raise ValueError(f"input_hw {phase.input_hw} of a phase must be {what}")


@dataclass(frozen=True)
class Mask2FormerConfig(MaskTransformerConfig):
    """Mask2Former; the defaults are the published one on Swin-T.

    Attributes:
        encoder_layers: every one of them sees all three maps.
    """

    type: str = field(default="mask2former", init=False)
    encoder_layers: int = checked(6, minimum=1)

    recalibrates = "off"
    embeds_pixels = "conv"

    @property
    def encoder_stages(self) -> tuple[int, int, int]:
        return 0, 0, self.encoder_layers


@dataclass(frozen=True)
class ProScaleConfig(MaskTransformerConfig):
    """PRO-SCALE on Mask2Former; the defaults are the published one on Swin-T.

    The coarse maps, which have few tokens, pass through many encoder layers, the finer ones join
    late.

    Attributes:
        stages: layers that see the map of stride 32 alone; 32 and 16; 32, 16 and 8. Mask2Former is
            (0, 0, 6).
        recalibration: the tokens of strides 32 and 16 are weighed by what the map of stride 8 has
            at their place (`paper`), or not (`off`). `release` is what the released weights were
            trained with: their code reads the map in another order, so that places do not agree.
        pixel_embedding: between the sum of the finest maps and the mask features stands a 3x3
            convolution (`conv`, Mask2Former), or a maximum over 3x3 cells (`light`).
    """

    type: str = field(default="pro_scale", init=False)
    stages: tuple[int, int, int] = (3, 3, 3)
    recalibration: str = checked("paper", choices=("paper", "release", "off"))
    pixel_embedding: str = checked("light", choices=("light", "conv"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.stages) < 0 or self.stages[2] < 1:
            what = "no negative numbers, and at least 1 layer that sees all maps"
            raise ValueError(f"stages {self.stages} must have {what}")

    @property
    def encoder_stages(self) -> tuple[int, int, int]:
        return self.stages

    @property
    def recalibrates(self) -> str:
        return self.recalibration

    @property
    def embeds_pixels(self) -> str:
        return self.pixel_embedding
