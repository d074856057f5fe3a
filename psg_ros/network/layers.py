# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building blocks shared by segmenters, DSFormer and the neck."""

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

PIXEL_MEAN = (0.485, 0.456, 0.406)
PIXEL_STD = (0.229, 0.224, 0.225)
"""Of ImageNet, for RGB in 0..1: what pretrained backbones are used to."""


UNSEEN = -1e4
"""Added to what attention shall not look at: its softmax is 0, also in float16.

Numbers, not truth values: for those, exporters guard every softmax against rows that see nothing,
which keeps TensorRT from fusing attention. Every row here sees at least its own token.
"""


class Mlp(nn.Module):
    """Linear, exact GELU, linear."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, tokens: Float[Tensor, "*axes dim"]) -> Float[Tensor, "*axes dim"]:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class Attention(nn.Module):
    """Multi-head self-attention; optional rotary code on the last tokens of the sequence.

    Args:
        query_bias, key_bias, value_bias: DINOv2 has all three, DINOv3 has no key bias, DSFormer's
            neck has none.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        query_bias: bool = True,
        key_bias: bool = True,
        value_bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(dim, dim, bias=query_bias)
        self.k_proj = nn.Linear(dim, dim, bias=key_bias)
        self.v_proj = nn.Linear(dim, dim, bias=value_bias)
        self.out_proj = nn.Linear(dim, dim)

    def forward(
        self,
        tokens: Float[Tensor, "batch token dim"],
        rope: tuple[Tensor, Tensor] | None = None,
        mask: Shaped[Tensor, "batch 1 #token token"] | None = None,
    ) -> Float[Tensor, "batch token dim"]:
        """Attend; one row of `mask` may stand for all rows.

        Args:
            mask: True where a row may look at a column; or numbers to add, see `UNSEEN`.
        """
        query, key, value = (
            proj(tokens).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        if rope is not None:
            query, key = rotate(query, *rope), rotate(key, *rope)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention whose queries, keys and values are given apart."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj, self.k_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.v_proj, self.out_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        for layer in (self.q_proj, self.k_proj, self.v_proj, self.out_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        query: Float[Tensor, "batch query dim"],
        key: Float[Tensor, "batch cell dim"],
        value: Float[Tensor, "batch cell dim"],
        allowed: Bool[Tensor, "batch 1 query cell"] | None = None,
    ) -> Float[Tensor, "batch query dim"]:
        heads = (
            proj(tokens).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for proj, tokens in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        query, key, value = heads
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


def rotate(
    heads: Float[Tensor, "batch head token size"],
    cosine: Float[Tensor, "*axes patch size"],
    sine: Float[Tensor, "*axes patch size"],
) -> Float[Tensor, "batch head token size"]:
    """Apply the rotary code (rotate-half form) to the last `patch` tokens, not to the prefix.

    Tables of an image of their own, as token merging has them, are [batch, 1, patch, size].
    """
    num_prefix = heads.shape[2] - cosine.shape[-2]
    prefix, patches = heads[:, :, :num_prefix], heads[:, :, num_prefix:]
    first, second = patches.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    patches = patches * cosine.to(patches.dtype) + turned * sine.to(patches.dtype)
    return torch.cat((prefix, patches), dim=2)


def axial_rope(
    grid_hw: tuple[int, int], head_size: int, theta: float = 100.0
) -> tuple[Float[Tensor, "patch size"], Float[Tensor, "patch size"]]:
    """Return cosine and sine tables of DINOv3's axial rotary code, row-major over the grid.

    Coordinates are cell centres mapped to -1..1 on each axis, so a table fits any input size.
    """
    frequencies = theta ** (-torch.arange(0, 1, 4 / head_size))
    rows, columns = ((torch.arange(n) + 0.5) / n * 2 - 1 for n in grid_hw)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).flatten(0, 1)
    angles = (2 * torch.pi * grid[:, :, None] * frequencies).flatten(1).tile(2)
    return angles.cos(), angles.sin()


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of a map; kept as one LayerNormalization node in ONNX."""

    def forward(self, features: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def to_tokens(features: Float[Tensor, "batch dim h w"]) -> Float[Tensor, "batch cell dim"]:
    """Return the cells of a map, row-major."""
    return features.flatten(2).transpose(1, 2)
