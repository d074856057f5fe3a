# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The networks of transformers that ours are compared with, with random weights."""

from __future__ import annotations

import importlib
from typing import Any, cast

from torch import nn

transformers: Any = importlib.import_module("transformers")
"""Untyped: its configs take more than their annotations say."""


def eomt(ours: Any, num_labels: int) -> nn.Module:
    """Return an EoMT of the same sizes as ours, an `EomtConfig`."""
    config = transformers.EomtDinov3Config(
        hidden_size=ours.dim,
        intermediate_size=4 * ours.dim,
        num_hidden_layers=ours.depth,
        num_attention_heads=ours.num_heads,
        num_blocks=ours.num_query_blocks,
        num_queries=ours.num_queries,
        num_labels=num_labels,
        image_size=ours.input_hw[0],
    )
    network = transformers.EomtDinov3ForUniversalSegmentation(config)
    # A fresh model masks its attention, which released weights do not: it would be slower still.
    network.attn_mask_probs.zero_()
    return cast(nn.Module, network)


def mask2former(num_labels: int, num_queries: int) -> nn.Module:
    """Return a Mask2Former on a Swin-T."""
    backbone = transformers.SwinConfig(
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone, num_queries=num_queries, num_labels=num_labels
    )
    return cast(nn.Module, transformers.Mask2FormerForUniversalSegmentation(config))
