# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Samples of stage 2 that need neither pictures nor a segmenter, for the network `tiny`."""

from __future__ import annotations

import numpy as np
import torch

from psg_ros.training.config import RelationTraining
from psg_ros.training.relations.relation_pairs import PairBatch, draw_batch, pair_batch
from psg_ros.training.relations.relation_samples import RelationSample, RelationTruth

NUM_PREDICATES = 2
TRIPLETS = [[0, 1, 0], [1, 2, 0], [2, 3, 0], [0, 3, 1]]
"""Four boxes in a row; each is "beside" (0) its right neighbour, the first is "on" the last."""


def made_up(count: int = 2) -> tuple[list[RelationTruth], list[RelationSample]]:
    """Return truths and samples of some images; only the features differ."""
    generator = torch.Generator().manual_seed(0)
    boxes = torch.tensor([[-1, 0, -0.6, 1], [-0.5, 0, -0.1, 1], [0, 0, 0.4, 1], [0.5, 0, 0.9, 1]])
    overlap = torch.zeros(4, 6)
    overlap[range(4), range(4)] = 1
    taps = torch.randn(count, 2, 6, 16, generator=generator).bfloat16()
    features = taps.flatten(1)
    labels = np.zeros(4, np.int64)
    truths = [RelationTruth(str(i), labels, np.arange(4), np.array(TRIPLETS)) for i in range(count)]
    return truths, [RelationSample(features[i], overlap, boxes) for i in range(count)]


def made_up_batch(
    settings: RelationTraining, seed: int = 0, count: int = 2, *, directed: bool = False
) -> PairBatch:
    """Return one step's pairs of such images."""
    truths, samples = made_up(count)
    rng = np.random.default_rng(seed)
    drawn = draw_batch(truths, NUM_PREDICATES, settings, rng, directed=directed)
    return pair_batch(drawn, samples, torch.stack([sample.features for sample in samples]))
