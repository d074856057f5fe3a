# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Queries that look at the maps, each only where its mask lies.

Source: Cheng et al., "Masked-attention mask transformer for universal image segmentation", CVPR
2022. Two changes, both exact: classes and whole masks are computed only where somebody reads them,
and what a query may look at comes from mask features that were shrunk once for each map, because
shrinking and the product with a query commute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.layers import CrossAttention, to_tokens
from psg_ros.network.segmenters.mask2former.config import MaskTransformerConfig
from psg_ros.network.segmenters.mask2former.pixel_decoder import NUM_LEVELS
from psg_ros.network.segmenters.mask2former.position_code import kept_sine_code
from psg_ros.network.word_scores import class_head


class Level(NamedTuple):
    """What the queries see of one map.

    Attributes:
        key, value: its cells, with and without their code of positions.
        mask_features: on its grid.
    """

    key: Float[Tensor, "batch cell dim"]
    value: Float[Tensor, "batch cell dim"]
    mask_features: Float[Tensor, "batch dim cell"]


class DecoderLayer(nn.Module):
    """Post-norm layer: masked attention to a map, attention among the queries, an MLP."""

    def __init__(self, config: MaskTransformerConfig) -> None:
        super().__init__()
        dim = config.dim
        self.cross_attention = CrossAttention(dim, config.num_heads)
        self.norm1 = nn.LayerNorm(dim)
        self.self_attention = CrossAttention(dim, config.num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, config.decoder_hidden)
        self.fc2 = nn.Linear(config.decoder_hidden, dim)
        self.norm3 = nn.LayerNorm(dim)
        for layer in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(layer.weight)

    def forward(
        self,
        queries: Float[Tensor, "batch query dim"],
        positions: Float[Tensor, "query dim"],
        level: Level,
        allowed: Bool[Tensor, "batch 1 query cell"],
    ) -> Float[Tensor, "batch query dim"]:
        seen = self.cross_attention(queries + positions, level.key, level.value, allowed)
        queries = self.norm1(queries + seen)
        placed = queries + positions
        queries = self.norm2(queries + self.self_attention(placed, placed, queries))
        return self.norm3(queries + self.fc2(self.fc1(queries).relu()))


class MaskedDecoder(nn.Module):
    """Mask features and encoded maps, coarsest first, to class and mask logits."""

    def __init__(self, config: MaskTransformerConfig, num_labels: int) -> None:
        super().__init__()
        dim = config.dim
        self.query_features = nn.Parameter(torch.randn(config.num_queries, dim))
        self.query_positions = nn.Parameter(torch.randn(config.num_queries, dim))
        self.level_codes = nn.Parameter(torch.randn(NUM_LEVELS, dim))
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(dim)
        self.class_head = class_head(config, dim, num_labels)
        self.mask_head = nn.Sequential(
            nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)
        )

    def forward(
        self, mask_features: Float[Tensor, "batch dim h w"], maps: Sequence[Tensor]
    ) -> tuple[Float[Tensor, "batch query column"], Float[Tensor, "batch query h w"]]:
        """Return the last prediction alone."""
        *_, queries = self.states(mask_features, maps)
        return self.predict(queries, mask_features)

    def predict_all(
        self, mask_features: Float[Tensor, "batch dim h w"], maps: Sequence[Tensor]
    ) -> list[tuple[Tensor, Tensor]]:
        """Return the predictions before the first layer and after each, for training."""
        states = self.states(mask_features, maps)
        return [self.predict(queries, mask_features) for queries in states]

    def predict(
        self, queries: Float[Tensor, "batch query dim"], mask_features: Tensor
    ) -> tuple[Float[Tensor, "batch query column"], Float[Tensor, "batch query h w"]]:
        masks = self.mask_head(queries) @ mask_features.flatten(2)
        return self.class_head(queries), masks.unflatten(2, mask_features.shape[2:])

    def states(
        self, mask_features: Float[Tensor, "batch dim h w"], maps: Sequence[Tensor]
    ) -> Iterator[Float[Tensor, "batch query dim"]]:
        """Yield the queries, normed, before the first layer and after each."""
        levels = [
            self.level(one, code, mask_features)
            for one, code in zip(maps, self.level_codes, strict=True)
        ]
        queries = self.query_features.expand(len(mask_features), -1, -1)
        normed = self.norm(queries)
        yield normed
        for index, layer in enumerate(self.layers):
            level = levels[index % NUM_LEVELS]
            queries = layer(queries, self.query_positions, level, self.allowed(normed, level))
            normed = self.norm(queries)
            yield normed

    def level(self, features: Tensor, code: Tensor, mask_features: Tensor) -> Level:
        """Return what the queries see of a map [batch, dim, h, w]."""
        size_hw = (features.shape[2], features.shape[3])
        value = to_tokens(features) + code
        key = value + kept_sine_code(value.device, size_hw, len(code)).to(value)
        shrunk = functional.interpolate(mask_features.detach(), size_hw, mode="bilinear")
        return Level(key, value, shrunk.flatten(2))

    def allowed(
        self, queries: Float[Tensor, "batch query dim"], level: Level
    ) -> Bool[Tensor, "batch 1 query cell"]:
        """Return where a query may look: inside its mask; everywhere where that is empty."""
        inside = self.mask_head(queries.detach()) @ level.mask_features >= 0
        return (inside | ~inside.any(dim=-1, keepdim=True))[:, None]
