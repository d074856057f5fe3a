# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How kernels look at what was pooled for them: each says by which weights the others mix.

Source: Hu et al., "You only segment once", CVPR 2023. A dynamic convolution has the queries as its
channels, and the channels as its places; its weights are linear in the kernels. Every kind ends in
a norm, and takes values that were all divided by one power of two: as all before is homogeneous,
the norm undoes that, if only its epsilon is divided by the square.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.layers import CrossAttention
from psg_ros.network.segmenters.yoso.config import YosoConfig

Tokens = Float[Tensor, "batch query dim"]
EPS = 1e-5


class ScaledNorm(nn.LayerNorm):
    """LayerNorm of values that were divided by `scale`; says what it would have said of them."""

    def __init__(self, dim: int, scale: float = 1.0) -> None:
        super().__init__(dim, eps=EPS / scale**2)


class DynamicAttention(nn.Module):
    """Base: `mix` by weights that the kernels say, then a norm.

    Args:
        numbers: how many weights each kernel says.
        scale: what values were divided by.
    """

    def __init__(self, config: YosoConfig, numbers: int, scale: float) -> None:
        super().__init__()
        self.taps = config.taps
        self.weights = nn.Linear(config.dim, numbers)
        self.norm = ScaledNorm(config.dim, scale)

    def forward(self, kernels: Tokens, values: Tokens) -> Tokens:
        return self.norm(self.mix(self.weights(kernels), values))

    def mix(self, weights: Tensor, values: Tokens) -> Tokens:
        raise NotImplementedError


class DepthwiseAttention(DynamicAttention):
    """DDCA: each query's values are convolved along the channels."""

    def __init__(self, config: YosoConfig, scale: float) -> None:
        super().__init__(config, config.taps, scale)

    def mix(self, weights: Tensor, values: Tokens) -> Tokens:
        return along_channels(weights, values)


class PointwiseAttention(DynamicAttention):
    """PDCA: each query's values become a sum over those of all queries."""

    def __init__(self, config: YosoConfig, scale: float) -> None:
        super().__init__(config, config.num_queries, scale)

    def mix(self, weights: Tensor, values: Tokens) -> Tokens:
        return weights @ values


class SeparableAttention(DynamicAttention):
    """SDCA: one after the other, what is negative in between cut off."""

    def __init__(self, config: YosoConfig, scale: float) -> None:
        super().__init__(config, config.taps + config.num_queries, scale)

    def mix(self, weights: Tensor, values: Tokens) -> Tokens:
        taps, points = weights[..., : self.taps], weights[..., self.taps :]
        return points @ along_channels(taps, values).relu()


class WholeAttention(DynamicAttention):
    """DCA: both at once."""

    def __init__(self, config: YosoConfig, scale: float) -> None:
        super().__init__(config, config.taps * config.num_queries, scale)

    def mix(self, weights: Tensor, values: Tokens) -> Tokens:
        by_tap = weights.unflatten(-1, (-1, self.taps)).flatten(2)
        return by_tap @ torch.stack(shifted(values, self.taps), dim=2).flatten(1, 2)


class MultiHeadAttention(nn.Module):
    """MHCA: the usual one. Not homogeneous, so values are multiplied back first."""

    def __init__(self, config: YosoConfig, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.attention = CrossAttention(config.dim, config.num_heads)
        self.norm = ScaledNorm(config.dim)

    def forward(self, kernels: Tokens, values: Tokens) -> Tokens:
        values = values * self.scale
        return self.norm(self.attention(kernels, values, values))


KINDS: dict[str, Callable[[YosoConfig, float], nn.Module]] = {
    "sdca": SeparableAttention,
    "mhca": MultiHeadAttention,
    "dca": WholeAttention,
    "ddca": DepthwiseAttention,
    "pdca": PointwiseAttention,
}
"""By `psg_ros.network.segmenters.yoso.config.YosoConfig.attention`."""


def along_channels(taps: Float[Tensor, "batch query tap"], values: Tokens) -> Tokens:
    """Return values convolved along their channels, zeros beyond the first and the last."""
    count = taps.shape[-1]
    parts = zip(taps.split(1, dim=-1), shifted(values, count), strict=True)
    first, *others = [tap * part for tap, part in parts]
    return sum(others, first)


def shifted(values: Tokens, count: int) -> list[Tensor]:
    """Return the values that each tap sees: its neighbours on one side first."""
    size, side = values.shape[-1], count // 2
    padded = functional.pad(values, (side, side))
    return [padded[..., start : start + size] for start in range(count)]
