# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Attention that looks at a few places of every map instead of at all of its cells.

Source: Zhu et al., "Deformable DETR", ICLR 2021. The places are sampled with `grid_sample`, which
every runtime has as GridSample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.segmenters.mask2former.position_code import kept_cell_sides


class DeformableAttention(nn.Module):
    """Every head of every query chooses `num_points` places on each map, and their weights.

    Args:
        num_levels: how many maps there are.
    """

    def __init__(self, dim: int, num_heads: int, num_points: int, num_levels: int) -> None:
        super().__init__()
        self.num_heads, self.num_points, self.num_levels = num_heads, num_points, num_levels
        num_places = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(dim, num_places * 2)
        self.attention_weights = nn.Linear(dim, num_places)
        self.value_proj = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)
        self._initialise()

    def forward(
        self,
        query: Float[Tensor, "batch token dim"],
        value: Float[Tensor, "batch token dim"],
        centres: Float[Tensor, "token 2"],
        sizes_hw: Sequence[tuple[int, int]],
    ) -> Float[Tensor, "batch token dim"]:
        """Attend from every token of the maps to all maps.

        Args:
            query, value: the tokens of all maps, one map after the other, with and without
                their code of positions.
            centres: (x, y) of every token, -1..1.
            sizes_hw: of the maps: plain numbers, so that an exported graph has fixed shapes.
        """
        heads, levels, points = self.num_heads, self.num_levels, self.num_points
        offsets = self.sampling_offsets(query).unflatten(-1, (heads, levels, points, 2))
        weights = self.attention_weights(query).unflatten(-1, (heads, levels * points))
        weights = weights.softmax(dim=-1).unflatten(-1, (levels, points))
        values = self.value_proj(value).split([h * w for h, w in sizes_hw], dim=1)
        mixed = []
        for level, (height, width) in enumerate(sizes_hw):
            cells = kept_cell_sides(offsets.device, (height, width)).to(offsets)
            places = centres[:, None, None] + offsets[:, :, :, level] * cells
            sampled = self._sample(values[level], places, (height, width))
            shares = weights[:, :, :, level].transpose(1, 2).flatten(0, 1)[:, None]
            mixed.append((sampled * shares).sum(dim=-1))
        joined = torch.stack(mixed).sum(dim=0).unflatten(0, (-1, heads))
        return self.output_proj(joined.flatten(1, 2).transpose(1, 2))

    def _sample(
        self,
        values: Float[Tensor, "batch cell dim"],
        places: Float[Tensor, "batch token head point 2"],
        size_hw: tuple[int, int],
    ) -> Float[Tensor, "batch_head part token point"]:
        """Return the values of one map at places -1..1; outside of the map they are 0."""
        maps = values.transpose(1, 2).unflatten(1, (self.num_heads, -1)).flatten(0, 1)
        grid = places.transpose(1, 2).flatten(0, 1)
        return functional.grid_sample(maps.unflatten(2, size_hw), grid, align_corners=False)

    def _initialise(self) -> None:
        """Let each head look in a direction of its own, its points ever farther away."""
        turns = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        directions = torch.stack((turns.cos(), turns.sin()), dim=-1)
        directions = directions / directions.abs().amax(dim=-1, keepdim=True)
        steps = torch.arange(1, self.num_points + 1)
        places = directions[:, None, None] * steps[:, None]
        places = places.expand(-1, self.num_levels, -1, -1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(places.flatten())
        for tensor in (self.sampling_offsets.weight, *self.attention_weights.parameters()):
            nn.init.zeros_(tensor)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
