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
from psg_ros.training.relations.pair_sampling import annotated_pairs
from psg_ros.training.relations.relation_samples import RelationTruth


def positive_weights(
    truths: Sequence[RelationTruth],
    num_predicates: int,
    settings: RelationTraining,
    *,
    directed: bool = False,
) -> Tensor:
    """Return each column's weight of positives: images without the predicate / images with it.

    Column 0 ("no relation") weighs 1 / negatives_per_positive (DSFormer); or, balanced, annotated /
    unannotated directions, which is the same where pairs are directed. All weigh 1 where the
    settings have it so.

    Args:
        directed: see `draw_batch`.
    """
    if not settings.positive_weights:
        return torch.ones(1 + num_predicates)
    present = torch.zeros(num_predicates)
    for truth in truths:
        present[np.unique(truth.triplets[:, 2])] += 1
    limit = settings.positive_weight_limit
    weights = ((len(truths) - present) / present.clamp(min=1)).clamp(1 / limit, limit)
    unrelated = settings.negatives_per_positive
    if settings.no_relation_weight == "balanced" and not directed:
        unrelated = unrelated_directions(truths, settings)
    return torch.cat((torch.tensor([1 / unrelated]), weights))


def unrelated_directions(truths: Sequence[RelationTruth], settings: RelationTraining) -> float:
    """Return how many directions without a relation are learned from for one that has some.

    Images are taken to have as many unannotated pairs as are to be drawn.
    """
    related = sum(len(annotated_pairs(truth, directed=True)) for truth in truths)
    pairs = sum(len(annotated_pairs(truth, directed=False)) for truth in truths)
    reverses = 2 * pairs - related if settings.reverse_unlabelled == "negative" else 0
    return (2 * settings.negatives_per_positive * pairs + reverses) / related


def learning_rate(settings: RelationTraining, epoch: float) -> float:
    """Return the rate at a fractional epoch: linear warmup, then cosine to zero."""
    warm = min(1.0, (epoch + 1e-3) / settings.warmup_epochs) if settings.warmup_epochs else 1.0
    return settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
