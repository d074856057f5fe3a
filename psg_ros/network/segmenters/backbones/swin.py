# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Swin Transformer without its classifier.

Source: Liu et al., "Swin Transformer", ICCV 2021, as Mask2Former uses it: maps are padded to whole
windows, and each of the four has a norm of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.kept_tables import kept
from psg_ros.network.layers import ChannelNorm, Mlp
from psg_ros.network.segmenters.backbones.config import SwinConfig

PATCH = 4
BLOCKED = -100.0
"""Added to the scores of cells that came together only by the shift."""


class WindowAttention(nn.Module):
    """Self-attention inside windows, with a learned bias for every displacement of two cells."""

    places: Tensor

    def __init__(self, width: int, num_heads: int, window: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.position_bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, num_heads))
        nn.init.trunc_normal_(self.position_bias, std=0.02)
        self.register_buffer("places", displacements(window), persistent=False)

    def forward(
        self,
        tokens: Float[Tensor, "batch window cell width"],
        blocked: Float[Tensor, "window 1 cell cell"] | None,
    ) -> Float[Tensor, "batch window cell width"]:
        """Attend; `blocked` is added to the scores."""
        query, key, value = (
            proj(tokens).unflatten(-1, (self.num_heads, -1)).transpose(2, 3)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        scores = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
        bias = self.position_bias[self.places].permute(2, 0, 1)
        scores = scores + (bias if blocked is None else bias + blocked)
        return self.out_proj((scores.softmax(dim=-1) @ value).transpose(2, 3).flatten(3))


def displacements(window: int) -> Tensor:
    """Return int64 [cell, cell]: which bias belongs to a cell that looks at another."""
    side = torch.arange(window)
    rows, columns = (axis.flatten() for axis in torch.meshgrid(side, side, indexing="ij"))
    down, right = (axis[:, None] - axis[None, :] + window - 1 for axis in (rows, columns))
    return down * (2 * window - 1) + right


class SwinBlock(nn.Module):
    """Pre-norm block of window attention and an MLP.

    Args:
        shift: cells by which the windows are displaced, down and right.
    """

    def __init__(self, config: SwinConfig, width: int, num_heads: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = config.window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attention = WindowAttention(width, num_heads, config.window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * config.mlp_ratio))

    def forward(
        self,
        features: Float[Tensor, "batch h w width"],
        kept: Float[Tensor, "2 batch"] | None = None,
    ) -> Float[Tensor, "batch h w width"]:
        """Return the features after the block; `kept` weighs its two branches for each sample."""
        first, second = (None, None) if kept is None else kept[:, :, None, None, None]
        seen = self.attend(self.norm1(features))
        features = features + (seen if first is None else first * seen)
        changed = self.mlp(self.norm2(features))
        return features + (changed if second is None else second * changed)

    def attend(self, features: Tensor) -> Tensor:
        """Return what every cell sees in its window."""
        height, width = features.shape[1:3]
        window, shift = self.window, self.shift
        below, right = -height % window, -width % window
        padded = functional.pad(features, (0, 0, 0, right, 0, below))
        blocked = None
        if shift:
            padded = padded.roll((-shift, -shift), (1, 2))
            sizes = ((height + below, width + right), window, shift)
            blocked = kept_blocked_pairs(features.device, *sizes).to(features)
        tiles = padded.unflatten(1, (-1, window)).unflatten(3, (-1, window))
        tokens = tiles.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        mixed = self.attention(tokens, blocked)
        columns = (width + right) // window
        tiles = mixed.unflatten(1, (-1, columns)).unflatten(3, (window, window)).transpose(2, 3)
        padded = tiles.flatten(3, 4).flatten(1, 2)
        if shift:
            padded = padded.roll((shift, shift), (1, 2))
        return padded[:, :height, :width]


def blocked_pairs(
    size_hw: tuple[int, int], window: int, shift: int
) -> Float[Tensor, "window 1 cell cell"]:
    """Return what keeps cells apart that lie in one window but not side by side in the map."""
    rows, columns = (regions(size, window, shift) for size in size_hw)
    of_cells = rows[:, None, :, None] * 3 + columns[None, :, None, :]
    of_windows = of_cells.flatten(0, 1).flatten(1)
    apart = of_windows[:, :, None] != of_windows[:, None, :]
    return (apart * BLOCKED)[:, None]


kept_blocked_pairs = kept(blocked_pairs)


def regions(size: int, window: int, shift: int) -> Tensor:
    """Return int64 [window, cell]: 0 before the last window, in it 1, and 2 for what was rolled."""
    place = torch.arange(size)
    return ((place >= size - window).long() + (place >= size - shift).long()).unflatten(
        0, (-1, window)
    )


class PatchMerging(nn.Module):
    """Halve the resolution and double the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, features: Float[Tensor, "batch h w c"]) -> Float[Tensor, "batch h2 w2 c2"]:
        quarters = [features[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(quarters, dim=-1)))


class Stage(nn.Module):
    """All blocks at one resolution, the norm of what leaves here, and the way to the next stage."""

    def __init__(self, config: SwinConfig, index: int) -> None:
        super().__init__()
        width, heads = config.widths[index], config.num_heads[index]
        shifts = (0, config.window // 2)
        self.merge = PatchMerging(width // 2) if index else nn.Identity()
        self.blocks = nn.ModuleList(
            SwinBlock(config, width, heads, shifts[number % 2])
            for number in range(config.depths[index])
        )
        self.norm = ChannelNorm(width)

    def forward(
        self, features: Tensor, kept: Sequence[Tensor | None]
    ) -> tuple[Float[Tensor, "batch h w width"], Float[Tensor, "batch width h w"]]:
        """Return the features for the next stage, and the map; `kept` as each block has it.

        Args:
            features: [batch, h, w, width] of the stage before.
        """
        features = self.merge(features)
        for block, of_block in zip(self.blocks, kept, strict=True):
            features = block(features, of_block)
        return features, self.norm(features.permute(0, 3, 1, 2))


class Swin(nn.Module):
    """Normalised pixels to maps at strides 4, 8, 16 and 32.

    Attributes:
        num_draws: random numbers that a sample takes in training: one a branch, or none at all.
    """

    drop_rates: Tensor

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.depths = config.depths
        self.patch_embed = nn.Conv2d(3, config.width, PATCH, stride=PATCH)
        self.patch_norm = nn.LayerNorm(config.width)
        self.stages = nn.ModuleList(Stage(config, index) for index in range(len(config.depths)))
        rates = torch.linspace(0, config.drop_path, sum(config.depths)).repeat_interleave(2)
        self.register_buffer("drop_rates", rates, persistent=False)
        self.num_draws = len(rates) if config.drop_path else 0
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self, pixels: Float[Tensor, "batch 3 h w"], draws: Float[Tensor, "batch draw"] | None = None
    ) -> list[Tensor]:
        """Return the four maps, finest first.

        Args:
            pixels: sizes are multiples of 32.
            draws: uniform in 0..1, what decides in training about each branch of each sample; None:
                no branch is skipped.
        """
        of_blocks = iter(self.kept(draws))
        features = self.patch_norm(self.patch_embed(pixels).permute(0, 2, 3, 1))
        maps = []
        for stage, depth in zip(self.stages, self.depths, strict=True):
            features, one = stage(features, list(islice(of_blocks, depth)))
            maps.append(one)
        return maps

    def kept(self, draws: Float[Tensor, "batch draw"] | None) -> Sequence[Tensor | None]:
        """Return [2, batch] for every block: 0 where a branch is skipped, on average 1."""
        if draws is None:
            return [None] * sum(self.depths)
        weights = (draws >= self.drop_rates) / (1 - self.drop_rates)
        return weights.T.unflatten(0, (-1, 2)).unbind()
