# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels that look at the mask features twice: one for each mask.

Source: Hu et al., "You only segment once", CVPR 2023.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.layers import Attention
from psg_ros.network.segmenter import Predictions
from psg_ros.network.segmenters.yoso.attention import KINDS, ScaledNorm
from psg_ros.network.segmenters.yoso.config import YosoConfig

POOL_SCALE = 256.0
"""What pooled features are divided by: a sum over all cells of a picture exceeds float16.

A power of two, which the norms behind it undo to the bit.
"""
INITIAL_STD = 0.02
INITIAL_SCORE = 0.01
"""Of every label, before training."""

Kernels = Float[Tensor, "batch query dim"]
Map = Float[Tensor, "batch channel h w"]


class DecoderStage(nn.Module):
    """Kernels to better kernels, by what lies under their masks and by each other."""

    def __init__(self, config: YosoConfig) -> None:
        super().__init__()
        dim, attention = config.dim, KINDS[config.attention]
        self.feature_attention = attention(config, POOL_SCALE)
        self.feature_norm = ScaledNorm(dim, POOL_SCALE)
        self.kernel_attention = attention(config, 1.0)
        self.kernel_norm = nn.LayerNorm(dim)
        self.self_attention = Attention(dim, config.num_heads)
        self.self_norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, config.decoder_hidden)
        self.fc2 = nn.Linear(config.decoder_hidden, dim)
        self.mlp_norm = nn.LayerNorm(dim)

    def forward(self, kernels: Kernels, masks: Map, mask_features: Map) -> Kernels:
        """Return the kernels before the heads; `masks` are those of the kernels that come in."""
        pooled = pool(masks, mask_features)
        seen = self.feature_attention(kernels, pooled)
        features = self.feature_norm(pooled + seen / POOL_SCALE)
        seen = self.kernel_attention(kernels, features)
        kernels = self.kernel_norm(features + seen)
        kernels = self.self_norm(kernels + self.self_attention(kernels))
        return self.mlp_norm(kernels + self.fc2(self.fc1(kernels).relu()))


class Decoder(nn.Module):
    """Mask features to class and mask logits."""

    def __init__(self, config: YosoConfig, num_labels: int) -> None:
        super().__init__()
        dim, count = config.dim, range(config.decoder_stages)
        self.temperature = config.temperature
        self.proposals = nn.Conv2d(dim, config.num_queries, 1)
        self.stages = nn.ModuleList(DecoderStage(config) for _ in count)
        self.mask_heads = nn.ModuleList(make_head(dim, config.mask_layers, dim) for _ in count)
        self.class_heads = nn.ModuleList(
            make_head(dim, config.class_layers, num_labels + 1) for _ in count
        )
        self._initialise(config)

    def forward(self, mask_features: Map) -> tuple[Float[Tensor, "batch query column"], Map]:
        """Return the last prediction alone."""
        *_, (kernels, masks) = self.states(mask_features)
        return self.class_heads[-1](kernels) / self.temperature, masks

    def predict_all(self, mask_features: Map) -> Predictions:
        """Return the predictions before the first stage, which have no classes, and after each."""
        (_, masks), *states = self.states(mask_features)
        predictions: list[tuple[Tensor | None, Tensor]] = [(None, masks)]
        for classify, (kernels, masks) in zip(self.class_heads, states, strict=True):
            predictions.append((classify(kernels) / self.temperature, masks))
        return predictions

    def states(self, mask_features: Map) -> Iterator[tuple[Kernels, Map]]:
        """Yield kernels and mask logits, before the first stage and after each."""
        kernels = self.proposals.weight.flatten(1).expand(len(mask_features), -1, -1)
        masks = self.proposals(mask_features)
        yield kernels, masks
        for stage, make_masks in zip(self.stages, self.mask_heads, strict=True):
            kernels = stage(kernels, masks, mask_features)
            masks = make_masks(kernels) @ mask_features.flatten(2)
            masks = masks.unflatten(2, mask_features.shape[2:])
            yield kernels, masks

    def _initialise(self, config: YosoConfig) -> None:
        """Start as published; the proposals, too, which keep what torch gives them."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        bound = math.sqrt(6 / (4 * config.dim))  # Xavier's, of the three projections as one matrix
        for name, parameter in self.named_parameters():
            if re.search(r"self_attention\.[qkv]_proj\.weight", name):
                nn.init.uniform_(parameter, -bound, bound)
            if re.fullmatch(rf"class_heads\.\d+\.{3 * config.class_layers}\.bias", name):
                nn.init.constant_(parameter, math.log(INITIAL_SCORE / (1 - INITIAL_SCORE)))


def make_head(dim: int, num_layers: int, after: int) -> nn.Sequential:
    """Return hidden layers and a last one, which is linear."""
    layers: list[nn.Module] = []
    for _ in range(num_layers):
        layers += [nn.Linear(dim, dim, bias=False), nn.LayerNorm(dim), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(dim, after))


def pool(masks: Map, mask_features: Map) -> Kernels:
    """Return the sum of the features inside of each mask, divided by `POOL_SCALE`."""
    inside = (masks > 0).flatten(2).to(mask_features.dtype)
    return inside @ (mask_features / POOL_SCALE).flatten(2).transpose(1, 2)
