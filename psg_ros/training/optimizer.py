# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The optimizer of stage 1; the segmenter says which of its parameters learns how fast."""

from __future__ import annotations

import torch
from torch import nn

from psg_ros.network.segmenter import LearningRate, Segmenter
from psg_ros.training.config import SegmentationTraining
from psg_ros.training.schedule import rate_factors


def make_optimizer(
    model: Segmenter, settings: SegmentationTraining, head: nn.Module | None = None
) -> torch.optim.AdamW:
    """Return AdamW for a segmenter and, at the full rate, a throw-away head on it.

    Every parameter group has the keys `scale` (factor on its rate) and `backbone` (for the warmup).
    """
    groups: dict[tuple[LearningRate, bool], list[nn.Parameter]] = {}
    rated = [(model.learning_rate(n, settings), p) for n, p in model.named_parameters()]
    rated += [] if head is None else [(LearningRate(), p) for p in head.parameters()]
    for rate, parameter in rated:
        decayed = rate.decays and (parameter.ndim > 1 or settings.decay_vectors)
        groups.setdefault((rate, decayed), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": settings.weight_decay if decayed else 0.0,
                "backbone": rate.backbone,
                "scale": rate.scale,
            }
            for (rate, decayed), parameters in groups.items()
        ],
        lr=settings.learning_rate,
        betas=(0.9, settings.beta2),
    )


def set_learning_rates(
    optimizer: torch.optim.Optimizer, settings: SegmentationTraining, samples_seen: int
) -> None:
    """Give every group of `make_optimizer` its learning rate at this moment of the run."""
    backbone, others = rate_factors(settings, samples_seen)
    for group in optimizer.param_groups:
        factor = backbone if group["backbone"] else others
        group["lr"] = settings.learning_rate * group["scale"] * factor
