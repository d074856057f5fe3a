# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a step of the ladder costs, whatever the machine: tokens, arithmetic, parameters."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch

from psg_ros.benchmark.ladder import dsformer, flops
from psg_ros.benchmark.ladder.dsformer import DsFormer
from psg_ros.benchmark.ladder.flops import PairTokens
from psg_ros.benchmark.ladder.networks import Network, build_network, eomt_config, step_config
from psg_ros.benchmark.ladder.resnet_fpn import ResNetFpn
from psg_ros.benchmark.ladder.steps import Step
from psg_ros.labels import Vocabulary
from psg_ros.network import packed_neck
from psg_ros.network.config import ModelConfig


def pair_tokens(step: Step, num_kept: np.ndarray, num_cells: int) -> PairTokens:
    """Return how many tokens of each pair a step in torch computes.

    Args:
        num_kept: int64 [pair]; cells that either segment overlaps.
        num_cells: of the whole grid.
    """
    kept = num_kept + num_extra(step)
    if step.prune == "packed":
        unit = packed_neck.WIDTH_STEP
        return PairTokens(kept, -(-kept // unit) * unit)
    padded = step.prune == "gathered" and len(kept)
    width = num_kept.max() if padded else num_cells
    return padded_tokens(step, np.full(len(kept), width, np.int64))


def padded_tokens(step: Step, num_cells: np.ndarray) -> PairTokens:
    """Return the tokens of pairs that were given `num_cells` int64 [pair] cells, with padding."""
    tokens = num_cells + num_extra(step)
    return PairTokens(tokens, tokens)


def num_extra(step: Step) -> int:
    """Return how many tokens of a sequence are not cells."""
    return dsformer.NUM_EXTRA if step.backbone == "separate" else packed_neck.NUM_EXTRA


def frame_flops(
    step: Step, config: ModelConfig, pairs: PairTokens, vocabulary: Vocabulary
) -> dict[str, int]:
    """Return the FLOPs of one picture by stage.

    Args:
        config: sizes, as for `build_network`.
        pairs: of every sequence of the relation network.
    """
    own = step_config(step, config)
    relations, segmenter = own.relations, eomt_config(own)
    if step.backbone == "separate":
        features = _dsformer_features(step, config, vocabulary)
    else:
        features = {"tap embedding": flops.tap_embedding(segmenter, relations)}
    neck = flops.neck(relations, pairs, num_extra(step), class_only=step.last_block == "class")
    num_columns = vocabulary.num_predicates + 1
    head = flops.relation_head(relations, len(pairs.computed), num_columns)
    stages = flops.segmenter_flops(segmenter, vocabulary.num_labels)
    return {**stages, **features, **neck, "relation head": head}


def count_parameters(step: Step, config: ModelConfig, vocabulary: Vocabulary) -> int:
    """Return the parameters of segmenter and relation network."""
    return sum(p.numel() for p in _meta_network(step, config, vocabulary).parameters())


def _dsformer_features(step: Step, config: ModelConfig, vocabulary: Vocabulary) -> dict[str, int]:
    network = cast(DsFormer, _meta_network(step, config, vocabulary).relations)
    cells, side = math.prod(network.grid_hw), network.config.patch
    channels = ResNetFpn.channels * side**2
    return {
        "ResNet-50-FPN": flops.convolutions(network.backbone, network.config.input_hw),
        "tap embedding": flops.linear(cells, channels, network.config.dim),
    }


def _meta_network(step: Step, config: ModelConfig, vocabulary: Vocabulary) -> Network:
    """Return the network without memory for its weights."""
    with torch.device("meta"):
        return build_network(
            step,
            config,
            num_labels=vocabulary.num_labels,
            num_predicates=vocabulary.num_predicates,
        )
