# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of one frame, counted from shapes: 2 FLOPs a multiply-add, matrix work only.

Norms, activations, pooling and the panoptic merge are left out; they are under 1 % of a frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from psg_ros.network.config import RelationConfig
from psg_ros.network.segmenters.eomt import make_stem
from psg_ros.network.segmenters.eomt_config import EomtConfig

NUM_VECTORS = {"sum": 3, "onoff": 2}
"""What the mask embedding mixes for every cell: subject, object and, by its rule, background."""


@dataclass(frozen=True)
class PairTokens:
    """How many tokens of each pair the neck computes; both int64 [pair].

    Attributes:
        computed: class, location and patch tokens that go through linear layers.
        attended: tokens per pair in the attention, including padding of a bucket.
    """

    computed: np.ndarray
    attended: np.ndarray


def linear(rows: int, inputs: int, outputs: int) -> int:
    """Return the FLOPs of a linear layer."""
    return 2 * rows * inputs * outputs


def attention(queries: int, keys: int, dim: int) -> int:
    """Return the FLOPs of the two products of attention, all heads."""
    return 4 * queries * keys * dim


def convolutions(module: nn.Module, image_hw: tuple[int, int]) -> int:
    """Return the FLOPs of a network of convolutions for one RGB image, from its layers' shapes."""
    total = 0

    def add(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += 2 * output.numel() * layer.weight[0].numel()

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, *image_hw, device=layers[0].weight.device))
    finally:
        for hook in hooks:
            hook.remove()
    return total


def segmenter_flops(config: EomtConfig, num_labels: int) -> dict[str, int]:
    """Return the FLOPs of EoMT for one image, by stage.

    Args:
        num_labels: without "no object".
    """
    dim, queries = config.dim, config.num_queries
    patches = math.prod(config.grid_hw)
    tokens = 1 + config.num_registers + patches
    mask_cells = math.prod(config.input_hw) // config.mask_stride**2
    num_plain = config.depth - config.num_query_blocks
    with torch.device("meta"):
        stem = make_stem(config).eval()
    return {
        "patch embedding": convolutions(stem, config.input_hw),
        "blocks without queries": num_plain * vit_block(config, tokens),
        "blocks with queries": config.num_query_blocks * vit_block(config, tokens + queries),
        "upscaling": sum(
            upscale_block(dim, patches * 4**level) for level in range(config.num_upscale_blocks)
        ),
        "heads": linear(queries, dim, num_labels + 1) + 3 * linear(queries, dim, dim),
        "mask product": linear(queries, dim, mask_cells),
    }


def vit_block(config: EomtConfig, tokens: int) -> int:
    """Return the FLOPs of one block; with token merging, attention sees fewer patches."""
    dim, hidden = config.dim, int(config.dim * config.mlp_ratio)
    merged, matching = _token_merging(config)
    kept = tokens - merged
    mlp = linear(tokens, dim, hidden) + linear(tokens, hidden, dim)
    return 4 * linear(kept, dim, dim) + attention(kept, kept, dim) + matching + mlp


def _token_merging(config: EomtConfig) -> tuple[int, int]:
    """Return how many patches merge, and the FLOPs of matching and averaging them."""
    if not config.merge_ratio:
        return 0, 0
    height, width = config.grid_hw
    destinations = (height // 2) * (width // 2)
    sources = height * width - destinations
    merged = min(int(height * width * config.merge_ratio), sources)
    return merged, 2 * linear(sources, config.dim, destinations)


def upscale_block(dim: int, cells: int) -> int:
    """Return the FLOPs of doubling a map: a transposed 2x2 and a 3x3 depthwise convolution."""
    return linear(cells, dim, 4 * dim) + 2 * 4 * cells * dim * 9


def tap_embedding(segmenter: EomtConfig, relations: RelationConfig) -> int:
    """Return the FLOPs of the relation stage's patch embedding, once an image."""
    side, taps = relations.cell_patches, len(segmenter.taps)
    width, projected = segmenter.dim, 0
    if relations.tap_projection:
        width = relations.tap_projection
        projected = taps * linear(math.prod(segmenter.grid_hw), segmenter.dim, width)
    cells = math.prod(size // side for size in segmenter.grid_hw)
    return projected + linear(cells, taps * width * side**2, relations.dim)


def neck(
    config: RelationConfig, pairs: PairTokens, num_extra: int, *, class_only: bool
) -> dict[str, int]:
    """Return the FLOPs of mask embedding and neck for all pairs.

    Args:
        num_extra: tokens of a pair that are not cells.
        class_only: the last block is computed for the class token alone.
    """
    dim, num_pairs = config.dim, len(pairs.computed)
    computed, attended = pairs.computed.astype(np.int64), pairs.attended.astype(np.int64)
    rows = int(computed.sum())
    whole = _neck_block(config, rows, int((attended * attended).sum()))
    last = whole
    if class_only:
        last = 2 * linear(rows, dim, dim) + 4 * dim * int(attended.sum())
        last += 2 * linear(num_pairs, dim, dim) + _mlp(config, num_pairs)
    location = linear(num_pairs, 8, dim // 2) + linear(num_pairs, dim // 2, dim)
    vectors = NUM_VECTORS[config.background]
    return {
        "mask embedding": linear(rows - num_extra * num_pairs, vectors, dim) + location,
        "neck": (config.depth - 1) * whole + last,
    }


def _neck_block(config: RelationConfig, rows: int, products: int) -> int:
    dim = config.dim
    return 4 * linear(rows, dim, dim) + 4 * products * dim + _mlp(config, rows)


def _mlp(config: RelationConfig, rows: int) -> int:
    hidden = int(config.dim * config.mlp_ratio)
    return linear(rows, config.dim, hidden) + linear(rows, hidden, config.dim)


def relation_head(config: RelationConfig, num_pairs: int, num_columns: int) -> int:
    """Return the FLOPs of the gate (or two projections) and of the MLP for each direction."""
    gates = {"gate": 1, "two_linear": 2, "none": 0}[config.split]
    directions = 1 if config.split == "none" else 2
    one = linear(1, config.dim, config.head_hidden) + linear(1, config.head_hidden, num_columns)
    return num_pairs * (gates * linear(1, config.dim, config.dim) + directions * one)
