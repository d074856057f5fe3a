# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the maps of a backbone to mask features and to the maps that the queries look at.

Sources: Cheng et al., "Masked-attention mask transformer for universal image segmentation", CVPR
2022; for stages, recalibration and light pixel embedding the paper of PRO-SCALE (Aich et al.,
"Efficient transformer encoders for Mask2Former-style models", ICLR 2025). Maps are counted from the
coarsest: strides 32, 16, 8.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.layers import to_tokens
from psg_ros.network.segmenters.mask2former.config import NORM_GROUPS, MaskTransformerConfig
from psg_ros.network.segmenters.mask2former.deformable_attention import DeformableAttention
from psg_ros.network.segmenters.mask2former.position_code import (
    kept_cell_centres,
    kept_sine_code,
)

NUM_LEVELS = 3
RECALIBRATION_TEMPERATURE = 0.1


class EncoderLayer(nn.Module):
    """Post-norm layer: deformable attention over the first maps, then an MLP."""

    def __init__(self, config: MaskTransformerConfig, num_levels: int) -> None:
        super().__init__()
        dim = config.dim
        heads, points = config.num_heads, config.num_points
        self.attention = DeformableAttention(dim, heads, points, num_levels)
        self.norm1 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, config.encoder_hidden)
        self.fc2 = nn.Linear(config.encoder_hidden, dim)
        self.norm2 = nn.LayerNorm(dim)
        for layer in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(layer.weight)

    def forward(
        self,
        tokens: Float[Tensor, "batch token dim"],
        positions: Float[Tensor, "token dim"],
        centres: Float[Tensor, "token 2"],
        sizes_hw: Sequence[tuple[int, int]],
    ) -> Float[Tensor, "batch token dim"]:
        seen = self.attention(tokens + positions, tokens, centres, sizes_hw)
        tokens = self.norm1(tokens + seen)
        return self.norm2(tokens + self.fc2(self.fc1(tokens).relu()))


class Recalibration(nn.Module):
    """Weighs the tokens of a coarse map by the finest one; see `ProScaleConfig.recalibration`."""

    def __init__(self, dim: int, *, as_released: bool) -> None:
        super().__init__()
        self.weigh = nn.Linear(dim, 1)
        self.as_released = as_released

    def forward(
        self, coarse: Float[Tensor, "batch dim h w"], finest: Float[Tensor, "batch dim h2 w2"]
    ) -> Float[Tensor, "batch token dim"]:
        """Return the weighed tokens of `coarse`."""
        tokens, size_hw = to_tokens(coarse), coarse.shape[2:]
        if self.as_released:  # the code takes its buffer of tokens for one of maps, twice
            mistaken = to_tokens(finest).reshape(finest.shape)
            seen = functional.interpolate(mistaken, size_hw, mode="bilinear").reshape(tokens.shape)
        else:
            seen = to_tokens(functional.interpolate(finest, size_hw, mode="bilinear"))
        return tokens * (RECALIBRATION_TEMPERATURE * self.weigh(seen)).sigmoid()


class PixelDecoder(nn.Module):
    """Maps of the backbone, finest first, to mask features and encoded maps, coarsest first."""

    def __init__(self, config: MaskTransformerConfig) -> None:
        super().__init__()
        dim, (finest, *coarser) = config.dim, config.backbone.widths
        self.dim = dim
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, dim, 1), nn.GroupNorm(NORM_GROUPS, dim))
            for width in reversed(coarser)
        )
        self.level_codes = nn.Parameter(torch.randn(NUM_LEVELS, dim))
        self.recalibration: Recalibration | None = None
        if config.recalibrates != "off":
            as_released = config.recalibrates == "release"
            self.recalibration = Recalibration(dim, as_released=as_released)
        self.stages = config.encoder_stages
        self.layers = nn.ModuleList(
            EncoderLayer(config, num_levels=index + 1)
            for index, depth in enumerate(self.stages)
            for _ in range(depth)
        )
        self.lateral = nn.Sequential(
            nn.Conv2d(finest, dim, 1, bias=False), nn.GroupNorm(NORM_GROUPS, dim)
        )
        light = config.embeds_pixels == "light"
        self.pixel_embedding = nn.Sequential(
            nn.MaxPool2d(3, 1, 1) if light else nn.Conv2d(dim, dim, 3, padding=1, bias=False),
            nn.GroupNorm(NORM_GROUPS, dim),
            nn.ReLU(),
        )
        self.mask_features = nn.Conv2d(dim, dim, 1)
        self._initialise()

    def forward(
        self, maps: Sequence[Tensor]
    ) -> tuple[Float[Tensor, "batch dim h4 w4"], list[Tensor]]:
        """Return the mask features, and the encoded maps of strides 32, 16 and 8."""
        encoded = self.encode(maps[:0:-1])
        lateral = self.lateral(maps[0])
        finest = functional.interpolate(encoded[-1], lateral.shape[2:], mode="bilinear")
        return self.mask_features(self.pixel_embedding(lateral + finest)), encoded

    def encode(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the encoded maps; the finer ones join stage by stage."""
        projected = [layer(one) for layer, one in zip(self.projections, maps, strict=True)]
        sizes_hw = [(one.shape[2], one.shape[3]) for one in projected]
        codes = [
            kept_sine_code(level.device, size, self.dim).to(level) + level
            for size, level in zip(sizes_hw, self.level_codes, strict=True)
        ]
        layers, tokens = iter(self.layers), projected[0].new_empty(len(projected[0]), 0, self.dim)
        for index, depth in enumerate(self.stages):
            seen_hw = sizes_hw[: index + 1]
            tokens = torch.cat((tokens, self._joining(projected, index)), dim=1)
            positions = torch.cat(codes[: index + 1])
            found = [kept_cell_centres(tokens.device, size) for size in seen_hw]
            centres = torch.cat(found).to(tokens)
            for _ in range(depth):
                tokens = next(layers)(tokens, positions, centres, seen_hw)
        parts = tokens.split([h * w for h, w in sizes_hw], dim=1)
        pairs = zip(parts, sizes_hw, strict=True)
        return [part.transpose(1, 2).unflatten(2, size) for part, size in pairs]

    def _joining(self, projected: Sequence[Tensor], index: int) -> Float[Tensor, "batch token dim"]:
        """Return the tokens of the map that joins at a stage; the finest one is not weighed."""
        if self.recalibration is None or index == NUM_LEVELS - 1:
            return to_tokens(projected[index])
        return self.recalibration(projected[index], projected[-1])

    def _initialise(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, a=1)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for layer in self.projections.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
