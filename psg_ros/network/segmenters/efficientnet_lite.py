# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stem with features that ImageNet taught: EfficientNet-Lite without its classifier.

Source: Tan and Le, "EfficientNet", ICML 2019, in the Lite variants of its authors: ReLU6, no
squeeze-and-excitation, first and last stage of one size. Kept are the stages up to stride 32; the
last one and the classifier are left out. Public weights:
`psg_ros.network.checkpoints.stem_weights`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLIERS = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite2": (1.1, 1.2)}
"""Width and depth of the variants, as multiples of Lite0."""
FIRST_CHANNELS = 32
NORM_EPS = 1e-3


class Stage(NamedTuple):
    """Blocks of one width in Lite0; the first of them has the stride."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    repeats: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
)
FINE_STAGES = 5  # up to here the stride is 16


def scaled_stages(variant: str) -> list[Stage]:
    """Return the stages of a variant; its first one has a single block in all of them."""
    width, depth = MULTIPLIERS[variant]
    return [
        stage._replace(
            channels=round_channels(stage.channels * width),
            repeats=math.ceil(stage.repeats * depth) if index else stage.repeats,
        )
        for index, stage in enumerate(STAGES)
    ]


def round_channels(channels: float) -> int:
    """Return the nearest multiple of 8 that is not more than a tenth below."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class SameConv(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow does: an odd rest goes right and below."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (_padding(size, kernel, stride) for size in features.shape[2:])
        if stride == 1:  # even: without a copy of the features
            return self._conv_forward_padded(features, (height // 2, width // 2))
        pads = (width // 2, width - width // 2, height // 2, height - height // 2)
        return super().forward(functional.pad(features, pads))

    def _conv_forward_padded(self, features: Tensor, padding: tuple[int, int]) -> Tensor:
        return functional.conv2d(features, self.weight, None, 1, padding, 1, self.groups)


def _padding(size: int, kernel: int, stride: int) -> int:
    return max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)


class InvertedBottleneck(nn.Module):
    """MBConv without squeeze-and-excitation: wide, depthwise, narrow; with a skip if it can."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [SameConv(before, wide, 1), nn.BatchNorm2d(wide, NORM_EPS), nn.ReLU6()]
        layers += [SameConv(wide, wide, kernel, stride, groups=wide)]
        layers += [nn.BatchNorm2d(wide, NORM_EPS), nn.ReLU6()]
        layers += [SameConv(wide, after, 1), nn.BatchNorm2d(after, NORM_EPS)]
        self.layers = nn.Sequential(*layers)
        self.has_skip = stride == 1 and before == after

    def forward(self, features: Tensor) -> Tensor:
        changed = self.layers(features)
        return features + changed if self.has_skip else changed


class EfficientNetLite(nn.Module):
    """Pixels to the features of both depths, at strides 16 and 32.

    Its batch norms never leave evaluation mode: batches are small, and from mixed data sets.
    """

    def __init__(self, variant: str) -> None:
        super().__init__()
        stages = scaled_stages(variant)
        self.first = nn.Sequential(
            SameConv(3, FIRST_CHANNELS, 3, stride=2),
            nn.BatchNorm2d(FIRST_CHANNELS, NORM_EPS),
            nn.ReLU6(),
        )
        fine, coarse = stages[:FINE_STAGES], stages[FINE_STAGES:]
        self.fine_channels, self.coarse_channels = fine[-1].channels, coarse[-1].channels
        self.fine = nn.Sequential(*_blocks(FIRST_CHANNELS, fine))
        self.coarse = nn.Sequential(*_blocks(self.fine_channels, coarse))

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Stay in evaluation mode, whatever is asked for."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Take pixels (RGB - 127) / 128."""
        fine = self.fine(self.first(pixels))
        return fine, self.coarse(fine)


def _blocks(channels: int, stages: list[Stage]) -> Iterator[InvertedBottleneck]:
    for stage in stages:
        for index in range(stage.repeats):
            stride = 1 if index else stage.stride
            yield InvertedBottleneck(
                channels, stage.channels, stage.kernel, stride, stage.expansion
            )
            channels = stage.channels


class EfficientNetStem(nn.Module):
    """EfficientNet-Lite in place of the patch convolution: both depths, joined at stride 16.

    Args:
        dim: channels of the result.
        pixel_mean, pixel_std: of the normalisation of the pixels that `forward` gets, RGB 0..255.
    """

    gain: Tensor
    offset: Tensor

    def __init__(
        self, variant: str, dim: int, pixel_mean: tuple[float, ...], pixel_std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.network = EfficientNetLite(variant)
        channels = self.network.fine_channels + self.network.coarse_channels
        self.projection = nn.Conv2d(channels, dim, kernel_size=1)
        # From the segmenter's normalisation to the one that the weights were trained with.
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) * 255 for v in (pixel_mean, pixel_std))
        self.register_buffer("gain", std / 128, persistent=False)
        self.register_buffer("offset", (mean - 127) / 128, persistent=False)

    def features(self, pixels: Tensor) -> Tensor:
        """Return what the projection gets: [picture, channel, h / 16, w / 16]."""
        fine, coarse = self.network(pixels * self.gain + self.offset)
        size_hw = (fine.shape[2], fine.shape[3])
        coarse = functional.interpolate(coarse, size_hw, mode="bilinear", align_corners=False)
        return torch.cat((fine, coarse), dim=1)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.projection(self.features(pixels))
