# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ResNet without its classifier, under torchvision's names.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016; the stride is in the
3x3 convolution of a bottleneck, as in torchvision.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.segmenters.backbones.config import NUM_MAPS, ResNetConfig


class FrozenNorm(nn.Module):
    """Batch norm whose factors and statistics are those of the weights it was given, for good."""

    EPS = 1e-5
    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, start in (("weight", 1.0), ("bias", 0.0)):
            self.register_buffer(name, torch.full((channels,), start))
        for name, start in (("running_mean", 0.0), ("running_var", 1.0)):
            self.register_buffer(name, torch.full((channels,), start))

    def forward(self, features: Tensor) -> Tensor:
        statistics = self.running_mean, self.running_var
        return functional.batch_norm(features, *statistics, self.weight, self.bias, eps=self.EPS)


def make_norm(config: ResNetConfig, channels: int) -> nn.Module:
    return FrozenNorm(channels) if config.norm == "frozen" else nn.BatchNorm2d(channels)


def make_conv(before: int, after: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution without bias; it keeps the size but for the stride."""
    conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


class Block(nn.Module):
    """A residual block, basic or bottleneck."""

    def __init__(self, config: ResNetConfig, before: int, inner: int, stride: int) -> None:
        super().__init__()
        after = inner * config.expansion
        self.is_bottleneck = config.block == "bottleneck"
        if self.is_bottleneck:
            self.conv1 = make_conv(before, inner, 1)
            self.conv2 = make_conv(inner, inner, 3, stride)
            self.conv3 = make_conv(inner, after, 1)
            self.bn3 = make_norm(config, after)
        else:
            self.conv1 = make_conv(before, inner, 3, stride)
            self.conv2 = make_conv(inner, inner, 3)
        self.bn1, self.bn2 = make_norm(config, inner), make_norm(config, inner)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or before != after:
            conv = make_conv(before, after, 1, stride)
            self.downsample = nn.Sequential(conv, make_norm(config, after))

    def forward(self, features: Tensor) -> Tensor:
        skipped = features if self.downsample is None else self.downsample(features)
        features = self.bn1(self.conv1(features)).relu()
        features = self.bn2(self.conv2(features))
        if self.is_bottleneck:
            features = self.bn3(self.conv3(features.relu()))
        return (features + skipped).relu()


class ResNet(nn.Module):
    """Normalised pixels to maps at strides 4, 8, 16 and 32."""

    num_draws = 0
    """See `Swin.num_draws`."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.conv1 = make_conv(3, config.width, 7, stride=2)
        self.bn1 = make_norm(config, config.width)
        before = config.width
        for index, depth in enumerate(config.depths):
            inner, blocks = config.width * 2**index, []
            for number in range(depth):
                stride = 2 if index and not number else 1
                blocks.append(Block(config, before, inner, stride))
                before = inner * config.expansion
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))

    def forward(
        self, pixels: Float[Tensor, "batch 3 h w"], draws: Tensor | None = None
    ) -> list[Tensor]:
        """Return the four maps, finest first; nothing is drawn, so `draws` stays unused."""
        features = self.bn1(self.conv1(pixels)).relu()
        features = functional.max_pool2d(features, 3, stride=2, padding=1)
        maps = []
        for index in range(NUM_MAPS):
            features = self.get_submodule(f"layer{index + 1}")(features)
            maps.append(features)
        return maps
