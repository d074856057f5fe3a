# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Four maps joined at the size of the finest: before or after they are enlarged.

Bilinear interpolation and a 1x1 convolution commute, so both say the same; projecting first touches
far fewer cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def enlarge(features: Float[Tensor, "batch c h w"], factor: int) -> Float[Tensor, "batch c h2 w2"]:
    if factor == 1:
        return features
    return functional.interpolate(features, scale_factor=factor, mode="bilinear")


class Aggregation(nn.Module):
    """Projections of all maps and their sum; maps are coarsest first.

    Args:
        kind: see `psg_ros.network.segmenters.yoso.config.YosoConfig.aggregation`; the weights are
            the same.
    """

    def __init__(self, widths: Sequence[int], dim: int, kind: str) -> None:
        super().__init__()
        self.joins = {"cfa": self.projected_first, "ifa": self.enlarged_first}[kind]
        self.projections = nn.ModuleList(nn.Conv2d(width, dim, 1, bias=False) for width in widths)
        self.bias = nn.Parameter(torch.zeros(1, dim, 1, 1))

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "batch dim h4 w4"]:
        return self.joins(maps) + self.bias

    def projected_first(self, maps: Sequence[Tensor]) -> Tensor:
        """CFA."""
        pairs = zip(self.projections, factors(maps), maps, strict=True)
        first, *others = [enlarge(project(one), factor) for project, factor, one in pairs]
        return sum(others, first)

    def enlarged_first(self, maps: Sequence[Tensor]) -> Tensor:
        """IFA: one convolution over all channels of all maps."""
        pairs = zip(factors(maps), maps, strict=True)
        joined = torch.cat([enlarge(one, factor) for factor, one in pairs], dim=1)
        kernel = torch.cat([parameter for parameter in self.projections.parameters()], dim=1)
        return functional.conv2d(joined, kernel)


def factors(maps: Sequence[Tensor]) -> list[int]:
    """Return by how much each map is coarser than the last one."""
    return [maps[-1].shape[-1] // one.shape[-1] for one in maps]
