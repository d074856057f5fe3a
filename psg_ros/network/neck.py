# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Neck: a small transformer over the tokens of one pair; its class token is read out.

Source: DSFormer's neck as DSFlash uses it: class and location token in front, a fixed sine code
added to the patch tokens, no final norm. Difference: the last block is computed for the class token
alone, which is exact because nothing else is read.
"""

import math
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.config import RelationConfig
from psg_ros.network.layers import UNSEEN, Attention, Mlp


def sine_code(grid_hw: tuple[int, int], dim: int) -> Float[Tensor, "cell dim"]:
    """Return DETR's 2-D sine code, row half then column half, interleaved sine and cosine.

    Coordinates are 1..n, divided by n + 1e-6 and multiplied by 2 pi; temperature 10000.
    """
    half = dim // 2
    divisor = 10000.0 ** (2 * (torch.arange(half) // 2) / half)
    codes = []
    for size in grid_hw:
        position = torch.arange(1, size + 1) / (size + 1e-6) * 2 * math.pi
        angles = position[:, None] / divisor
        codes.append(torch.stack((angles[:, 0::2].sin(), angles[:, 1::2].cos()), dim=-1).flatten(1))
    rows, columns = codes
    height, width = grid_hw
    grid = torch.cat(
        (
            rows[:, None].expand(height, width, half),
            columns[None].expand(height, width, half),
        ),
        dim=-1,
    )
    return grid.flatten(0, 1)


def additive_mask(
    keep: Bool[Tensor, "pair cell"], dtype: torch.dtype
) -> Float[Tensor, "pair 1 1 token"]:
    """Return what to add to attention: 0 for the class and location token and kept cells."""
    unseen = torch.where(keep, 0.0, UNSEEN).to(dtype)
    return functional.pad(unseen, (2, 0))[:, None, None]


class NeckBlock(nn.Module):
    """Pre-norm block; qkv without bias."""

    def __init__(self, config: RelationConfig) -> None:
        super().__init__()
        dim = config.dim
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(
            dim, config.num_heads, query_bias=False, key_bias=False, value_bias=False
        )
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))

    def forward(
        self,
        tokens: Float[Tensor, "pair token dim"],
        mask: Float[Tensor, "pair 1 1 token"] | None = None,
    ) -> Float[Tensor, "pair token dim"]:
        """Return the tokens after the block; `mask` is `UNSEEN` for tokens not to look at."""
        tokens = tokens + self.attention(self.norm1(tokens), mask=mask)
        return tokens + self.mlp(self.norm2(tokens))

    def class_token(
        self,
        tokens: Float[Tensor, "pair token dim"],
        mask: Float[Tensor, "pair 1 1 token"] | None = None,
    ) -> Float[Tensor, "pair dim"]:
        """Return what `forward` gives for the first token, without computing the others."""
        normed, attention = self.norm1(tokens), self.attention
        heads = (attention.num_heads, -1)
        query = attention.q_proj(normed[:, :1]).unflatten(-1, heads).transpose(1, 2)
        key = attention.k_proj(normed).unflatten(-1, heads).transpose(1, 2)
        value = attention.v_proj(normed).unflatten(-1, heads).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        first = tokens[:, 0] + attention.out_proj(mixed.transpose(1, 2).flatten(2)[:, 0])
        return first + self.mlp(self.norm2(first))


class Neck(nn.Module):
    """Tokens of a pair and the two boxes -> one vector."""

    position: Tensor

    def __init__(self, config: RelationConfig, grid_hw: tuple[int, int]) -> None:
        super().__init__()
        self.config = config
        self.class_embedding = nn.Parameter(torch.rand(config.dim))
        self.location = nn.Sequential(
            nn.Linear(8, config.dim // 2), nn.ReLU(), nn.Linear(config.dim // 2, config.dim)
        )
        self.blocks = nn.ModuleList(NeckBlock(config) for _ in range(config.depth))
        self.register_buffer("position", sine_code(grid_hw, config.dim), persistent=False)

    def adds_position(self, index: int) -> bool:
        """Return whether the code is added to the patch tokens before block `index`."""
        return self.config.position == "every_block" or (
            self.config.position == "first" and index == 0
        )

    def forward(
        self,
        pair_tokens: Float[Tensor, "pair cell dim"],
        boxes: Float[Tensor, "pair 8"],
        keep: Bool[Tensor, "pair cell"] | None = None,
        cells: Int[Tensor, "pair cell"] | None = None,
    ) -> Float[Tensor, "pair dim"]:
        """Return the class token; boxes are subject then object, xyxy in -1..1 of the input.

        Args:
            keep: False for tokens to prune; they are computed, but nothing looks at them.
            cells: cell of each token; without it the tokens are all cells in their order.
        """
        location = self.location(boxes)[:, None]
        start = self.class_embedding.expand_as(location)
        tokens = torch.cat((start, location, pair_tokens), dim=1)
        position = self.position if cells is None else functional.embedding(cells, self.position)
        code = functional.pad(position, (0, 0, 2, 0))
        mask = None if keep is None else additive_mask(keep, tokens.dtype)
        *inner, last = self.blocks
        for index, block in enumerate(inner):
            tokens = tokens + code if self.adds_position(index) else tokens
            tokens = block(tokens, mask)
        tokens = tokens + code if self.adds_position(len(inner)) else tokens
        return cast(NeckBlock, last).class_token(tokens, mask)
