# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The optimizer of stage 1: which parameter learns how fast.

Source: EoMT (Kerssies et al., CVPR 2025): the deeper a ViT block lies below the last one, the
slower it learns; the stem and the tokens of the ViT are as slow as its first block.
"""

from __future__ import annotations

import re

import torch
from torch import nn

from psg_ros.modeling.config import SegmenterConfig
from psg_ros.training.config import SegmentationTraining
from psg_ros.training.schedule import rate_factors

PRETRAINED_STEM = "stem.network."
BACKBONE = r"(stem|cls_token|register_tokens|position_embedding|blocks|norm)\b"


def make_optimizer(
    model: nn.Module,
    network: SegmenterConfig,
    settings: SegmentationTraining,
    head: nn.Module | None = None,
) -> torch.optim.AdamW:
    """Return AdamW for an `Eomt` and, at the full rate, a throw-away head on it.

    Every parameter group has the keys `scale` (factor on its rate) and `backbone` (for the warmup).
    """
    groups: dict[tuple[bool, float, bool], list[nn.Parameter]] = {}
    named = list(model.named_parameters())
    named += [] if head is None else [(f"head.{n}", p) for n, p in head.named_parameters()]
    for name, parameter in named:
        backbone = re.match(BACKBONE, name) is not None
        scale = rate_scale(name, network, settings) if backbone else 1.0
        if name.startswith(PRETRAINED_STEM):
            scale *= settings.stem_rate
        decayed = parameter.ndim > 1 or settings.decay_vectors
        groups.setdefault((backbone, scale, decayed), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": settings.weight_decay if decayed else 0.0,
                "backbone": backbone,
                "scale": scale,
            }
            for (backbone, scale, decayed), parameters in groups.items()
        ],
        lr=settings.learning_rate,
        betas=(0.9, settings.beta2),
    )


def rate_scale(name: str, network: SegmenterConfig, settings: SegmentationTraining) -> float:
    """Return the factor on the learning rate of a parameter of the ViT."""
    if name.startswith("norm."):
        return 1.0
    block = int(name.split(".")[1]) if name.startswith("blocks.") else 0
    sees_queries = block >= network.depth - network.num_query_blocks
    if sees_queries and not settings.decay_query_blocks:
        return 1.0
    return settings.layer_decay ** (network.depth - 1 - block)


def set_learning_rates(
    optimizer: torch.optim.Optimizer, settings: SegmentationTraining, samples_seen: int
) -> None:
    """Give every group of `make_optimizer` its learning rate at this moment of the run."""
    backbone, others = rate_factors(settings, samples_seen)
    for group in optimizer.param_groups:
        factor = backbone if group["backbone"] else others
        group["lr"] = settings.learning_rate * group["scale"] * factor
