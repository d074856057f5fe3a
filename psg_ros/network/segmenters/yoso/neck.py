# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the maps of a backbone to mask features.

Source: Hu et al., "You only segment once", CVPR 2023. Maps are counted from the coarsest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.segmenters.yoso.aggregation import Aggregation
from psg_ros.network.segmenters.yoso.config import YosoConfig
from psg_ros.network.segmenters.yoso.deformable_conv import DeformableConv


class Doubling(nn.Module):
    """A map at twice its resolution: deformable convolution, then a transposed one."""

    def __init__(self, before: int, after: int, operator: str) -> None:
        super().__init__()
        self.conv = DeformableConv(before, after, operator)
        self.norm1 = nn.BatchNorm2d(after)
        self.enlarge = nn.ConvTranspose2d(after, after, 4, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)

    def forward(self, features: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c2 h2 w2"]:
        features = self.norm1(self.conv(features)).relu()
        return self.norm2(self.enlarge(features)).relu()


class Neck(nn.Module):
    """Deformable pyramid, aggregation, coordinates of the cells."""

    def __init__(self, config: YosoConfig) -> None:
        super().__init__()
        widths, dim = config.lateral_widths, config.neck_width
        self.laterals = nn.ModuleList(
            nn.Conv2d(before, after, 1)
            for before, after in zip(reversed(config.backbone.widths), widths, strict=True)
        )
        self.doublings = nn.ModuleList(
            Doubling(before, after, config.deformable)
            for before, after in zip(widths, widths[1:], strict=False)
        )
        self.aggregation = Aggregation(widths, dim, config.aggregation)
        self.smooth = nn.Conv2d(dim, dim, 3, padding=1)
        self.locate = nn.Conv2d(dim + 2, config.dim, 1)
        self._initialise()

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "batch dim h4 w4"]:
        """Return the mask features; `maps` are the backbone's, finest first."""
        joined = self.smooth(self.aggregation(self.pyramid(maps)))
        return self.locate(torch.cat((joined, coordinates(joined)), dim=1))

    def pyramid(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the maps with what the coarser ones say, coarsest first."""
        sides = [layer(one) for layer, one in zip(self.laterals, reversed(maps), strict=True)]
        found = sides[:1]
        for side, double in zip(sides[1:], self.doublings, strict=True):
            found.append(side + double(found[-1]))
        return found

    def _initialise(self) -> None:
        """Start as published, but for the offsets and the bias of the aggregation, which are 0."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and not name.endswith(".places"):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def coordinates(features: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 2 h w"]:
    """Return x and y of every cell, from -1 in the first to 1 in the last column or row."""
    batch, _, height, width = features.shape
    rows, columns = (
        torch.linspace(-1, 1, size, dtype=features.dtype, device=features.device)
        for size in (height, width)
    )
    x, y = columns[None].expand(height, width), rows[:, None].expand(height, width)
    return torch.stack((x, y)).expand(batch, -1, -1, -1)
