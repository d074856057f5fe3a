# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of positives in the classification loss of stage 2, and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from psg_ros.training.config import RelationTraining
from psg_ros.training.relation_samples import RelationTruth


def positive_weights(
    truths: Sequence[RelationTruth], num_predicates: int, settings: RelationTraining
) -> Tensor:
    """Return each column's weight of positives: images without the predicate / images with it.

    Column 0 («no relation») weighs 1 / negatives_per_positive (DSFormer). All weigh 1 where the
    settings have it so.
    """
    if not settings.positive_weights:
        return torch.ones(1 + num_predicates)
    present = torch.zeros(num_predicates)
    for truth in truths:
        present[np.unique(truth.triplets[:, 2])] += 1
    limit = settings.positive_weight_limit
    weights = ((len(truths) - present) / present.clamp(min=1)).clamp(1 / limit, limit)
    return torch.cat((torch.tensor([1 / settings.negatives_per_positive]), weights))


def learning_rate(settings: RelationTraining, epoch: float) -> float:
    """Return the rate at a fractional epoch: linear warmup, then cosine to zero."""
    warm = min(1.0, (epoch + 1e-3) / settings.warmup_epochs) if settings.warmup_epochs else 1.0
    return settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
