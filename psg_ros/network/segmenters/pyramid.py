# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What segmenters on a backbone with four maps have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from psg_ros.network.layers import PIXEL_MEAN, PIXEL_STD, to_tokens
from psg_ros.network.segmenter import LearningRate, Segmenter
from psg_ros.network.segmenters.backbones.config import (
    NUM_MAPS,
    BackboneConfig,
    ResNetConfig,
    SwinConfig,
)
from psg_ros.network.segmenters.backbones.resnet import ResNet
from psg_ros.network.segmenters.backbones.swin import Swin
from psg_ros.network.segmenters.pyramid_config import MASK_STRIDE, PyramidConfig

OUTPUT_NORMS = tuple(f"backbone.stages.{index}.norm." for index in range(NUM_MAPS))
"""Behind Swin's maps: a backbone that ImageNet taught has none."""


def build_backbone(config: BackboneConfig) -> Swin | ResNet:
    """Return the backbone that a config describes."""
    if isinstance(config, SwinConfig):
        return Swin(config)
    if isinstance(config, ResNetConfig):
        return ResNet(config)
    raise TypeError(f"no backbone for {type(config).__name__}")


class PyramidSegmenter(Segmenter):
    """A segmenter on a backbone, whose features are its mask features, averaged onto a grid.

    Attributes:
        undecayed: ends of the names of tables of learned vectors, which weight decay leaves alone.
    """

    config: PyramidConfig
    pixel_mean: Tensor
    pixel_std: Tensor
    undecayed: tuple[str, ...] = ()

    def __init__(self, config: PyramidConfig, num_labels: int) -> None:
        super().__init__(config, num_labels)
        self.backbone = build_backbone(config.backbone)
        self.register_buffer("pixel_mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1) * 255, False)
        self.register_buffer("pixel_std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1) * 255, False)

    def maps(
        self, pixels: Float[Tensor, "batch 3 h w"], generators: Sequence[torch.Generator] = ()
    ) -> list[Tensor]:
        """Return the maps of the backbone, finest first.

        Args:
            generators: one an image, in training, for what the backbone draws at random.
        """
        draws = None
        if (number := self.backbone.num_draws) and generators:
            drawn = [torch.rand(number, generator=g, device=g.device) for g in generators]
            draws = torch.stack(drawn)
        return self.backbone((pixels - self.pixel_mean) / self.pixel_std, draws)

    def features(self, mask_features: Float[Tensor, "batch dim h4 w4"]) -> tuple[Tensor, ...]:
        """Return the mask features averaged onto the grid of the config's `feature_maps`."""
        cells = self.config.feature_stride // MASK_STRIDE
        if cells > 1:
            mask_features = functional.avg_pool2d(mask_features, cells)
        return (to_tokens(mask_features),)

    def learning_rate(self, name: str, settings: Any) -> LearningRate:
        """See `Segmenter`: the backbone has a rate of its own, tables of vectors do not decay."""
        scale = settings.backbone_rate if name.startswith("backbone.") else 1.0
        return LearningRate(scale, decays=not name.endswith(self.undecayed))
