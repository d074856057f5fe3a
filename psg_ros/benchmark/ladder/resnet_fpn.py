# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 with the finest level of a feature pyramid: DSFormer's backbone for relations.

Source: He et al., 2016 (ResNet), in the form "v1.5" that strides in the 3x3 convolution; Lin et
al., 2017 (FPN), with BatchNorm behind every convolution. Both as in torchvision's
`fasterrcnn_resnet50_fpn_v2`, whose names the parameters have (there below `backbone.`), so its
public weights fit. Difference: DSFormer reads level "0" alone, so the convolutions of the other
levels, `fpn.layer_blocks.1` to `.3` there, do not exist here.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STAGE_CHANNELS = (256, 512, 1024, 2048)
STAGE_DEPTHS = (3, 4, 6, 3)


def convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias and its BatchNorm; stride 1 keeps the size."""
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside a shortcut; the 3x3 one strides."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        width = out_channels // 4
        self.conv1, self.bn1 = convolution(in_channels, width, 1)
        self.conv2, self.bn2 = convolution(width, width, 3, stride)
        self.conv3, self.bn3 = convolution(width, out_channels, 1)
        same = stride == 1 and in_channels == out_channels
        self.downsample = (
            nn.Identity() if same else convolution(in_channels, out_channels, 1, stride)
        )

    def forward(self, features: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c2 h2 w2"]:
        inner = functional.relu(self.bn1(self.conv1(features)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        return functional.relu(self.bn3(self.conv3(inner)) + self.downsample(features))


def _stage(in_channels: int, out_channels: int, depth: int, stride: int) -> nn.Sequential:
    first = Bottleneck(in_channels, out_channels, stride)
    return nn.Sequential(
        first, *(Bottleneck(out_channels, out_channels, 1) for _ in range(depth - 1))
    )


class ResNet50(nn.Module):
    """Normalised images -> features of the four stages, strides 4, 8, 16, 32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = convolution(3, 64, 7, stride=2)
        self.layer1 = _stage(64, STAGE_CHANNELS[0], STAGE_DEPTHS[0], stride=1)
        self.layer2 = _stage(STAGE_CHANNELS[0], STAGE_CHANNELS[1], STAGE_DEPTHS[1], stride=2)
        self.layer3 = _stage(STAGE_CHANNELS[1], STAGE_CHANNELS[2], STAGE_DEPTHS[2], stride=2)
        self.layer4 = _stage(STAGE_CHANNELS[2], STAGE_CHANNELS[3], STAGE_DEPTHS[3], stride=2)

    def forward(self, images: Float[Tensor, "batch 3 h w"]) -> list[Tensor]:
        """Return one map [batch, channel, row, column] per stage, finest first."""
        features = functional.relu(self.bn1(self.conv1(images)))
        features = functional.max_pool2d(features, 3, stride=2, padding=1)
        stages = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            stages.append(features)
        return stages


class FeaturePyramid(nn.Module):
    """Features of all stages -> the pyramid's finest level, which sums up the coarser ones."""

    def __init__(self, in_channels: Sequence[int] = STAGE_CHANNELS, channels: int = 256) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList(convolution(c, channels, 1) for c in in_channels)
        self.layer_blocks = nn.ModuleList([convolution(channels, channels, 3)])

    def forward(self, stages: Sequence[Tensor]) -> Float[Tensor, "batch c h w"]:
        """Return a map of the size of `stages[0]`; stages come finest first."""
        laterals = [inner(stage) for inner, stage in zip(self.inner_blocks, stages, strict=True)]
        *finer, merged = laterals
        for lateral in reversed(finer):
            merged = lateral + functional.interpolate(merged, lateral.shape[-2:], mode="nearest")
        return self.layer_blocks[0](merged)


class ResNetFpn(nn.Module):
    """Normalised images -> level "0" of the pyramid.

    Attributes:
        stride: px of the image per row and column of the level.
        channels: of the level.
    """

    stride, channels = 4, 256

    def __init__(self) -> None:
        super().__init__()
        self.body = ResNet50()
        self.fpn = FeaturePyramid(channels=self.channels)

    def forward(self, images: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 256 h4 w4"]:
        return self.fpn(self.body(images))
