# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs a step of stage 2 learns from, and what they should be called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from psg_ros.training.config import RelationTraining
from psg_ros.training.losses import relation_targets
from psg_ros.training.relations.pair_sampling import (
    annotated_pairs,
    draw_others,
    other_pairs,
)
from psg_ros.training.relations.relation_samples import RelationSample, RelationTruth


@dataclass(frozen=True)
class DrawnPairs:
    """Pairs of several images, first segment and second; annotated pairs first, in their order.

    Attributes:
        image: int64 [pair]; place of the image in the batch.
        pairs: int64 [pair, 2].
        targets: float32 [pair, 2, 1 + predicate]; multi-hot, forward and backward.
        learned: bool [pair, 2]; whether a direction is learned from. Of directed pairs it is the
            forward one alone.
        labels: int64 [pair, 2]; of the segments.
    """

    image: Tensor
    pairs: Tensor
    targets: Tensor
    learned: Tensor
    labels: Tensor

    def where(self, chosen: Tensor | slice) -> DrawnPairs:
        """Return some of the pairs."""
        return DrawnPairs(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def totals(self) -> tuple[int, int, int]:
        """Return how many forward and backward directions are learned from, and all pairs."""
        forward, backward = self.learned.sum(dim=0).tolist()
        return forward, backward, len(self.pairs)


@dataclass(frozen=True)
class PairBatch:
    """What the losses of one step need of the images of one process.

    Attributes:
        features: bfloat16 [image, value], see `psg_ros.training.relations.features`; or uint8
            [image, 3, h, w].
        image, targets, learned, labels: see `DrawnPairs`; places of images are those in `features`.
        overlap: float32 [pair, 2, cell].
        boxes: float32 [pair, 2, 4].
        totals: what the sums of forward and backward losses and of consistency are divided by.
    """

    features: Tensor
    image: Tensor
    overlap: Tensor
    boxes: Tensor
    targets: Tensor
    learned: Tensor
    labels: Tensor
    totals: tuple[float, float, float]

    def to(self, device: str) -> PairBatch:
        names = [field.name for field in fields(self) if field.name != "totals"]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def draw_batch(
    truths: Sequence[RelationTruth],
    num_predicates: int,
    settings: RelationTraining,
    rng: np.random.Generator,
    *,
    directed: bool = False,
) -> DrawnPairs:
    """Draw the pairs of a whole batch: all annotated ones, and `negatives_per_positive` others.

    Args:
        directed: draw and learn directed pairs (DSFormer), not pairs of two directions.
    """
    annotated = [annotated_pairs(truth, directed=directed) for truth in truths]
    others = [
        other_pairs(truth, pairs, directed=directed)
        for truth, pairs in zip(truths, annotated, strict=True)
    ]
    places = draw_others(annotated, others, settings.negatives_per_positive, rng)
    drawn = [pairs[place] for pairs, place in zip(others, places, strict=True)]
    image = np.concatenate(
        [np.repeat(np.arange(len(part)), [len(p) for p in part]) for part in (annotated, drawn)]
    )
    negatives = np.concatenate(drawn)
    if not directed:
        turned = rng.random(len(negatives)) < 0.5
        negatives[turned] = negatives[turned, ::-1]
    # Numbers that no two segments of the batch share: one look-up serves all images.
    starts = np.cumsum([0, *(truth.num_segments for truth in truths)])
    triplets = [
        truth.triplets + [start, start, 0] for truth, start in zip(truths, starts, strict=False)
    ]
    pairs = torch.from_numpy(np.concatenate((*annotated, negatives)))
    shifted = pairs + torch.from_numpy(starts)[image, None]
    known = torch.from_numpy(np.concatenate(triplets))
    targets = torch.stack(
        [relation_targets(known, ends, num_predicates) for ends in (shifted, shifted.flip(1))],
        dim=1,
    )
    learned = learned_directions(targets, settings.reverse_unlabelled)
    if directed:
        learned[:, 1] = False
    labels = torch.from_numpy(np.concatenate([truth.labels for truth in truths]))[shifted]
    return DrawnPairs(torch.from_numpy(image), pairs, targets, learned, labels)


def learned_directions(targets: Tensor, reverse_unlabelled: str) -> Tensor:
    """Return bool [pair, 2]; False for the unannotated direction of an annotated pair to ignore."""
    labelled = targets[:, :, 0] == 0
    if reverse_unlabelled == "negative":
        return torch.ones_like(labelled)
    return labelled | ~labelled.any(dim=1, keepdim=True)


def split_pairs(drawn: DrawnPairs, limit: int) -> list[DrawnPairs]:
    """Divide pairs into as few equal parts as the limit allows (0: one), each of all images."""
    parts = -(-len(drawn.pairs) // limit) if limit else 1
    return [drawn.where(slice(part, None, parts)) for part in range(parts)]


def pair_batch(
    drawn: DrawnPairs,
    samples: Sequence[RelationSample],
    features: Tensor,
    first: int = 0,
    num_ranks: int = 1,
) -> PairBatch:
    """Return the part of a step that belongs to some consecutive images.

    Args:
        drawn: pairs of the step, of all processes: it decides what the losses are divided by.
        samples, features: of the images of this process.
        first: place of the first of them in the batch.
        num_ranks: how many processes' losses are averaged afterwards.
    """
    mine = drawn.where((drawn.image >= first) & (drawn.image < first + len(samples)))
    image = mine.image - first
    starts = np.cumsum([0, *(len(sample.overlap) for sample in samples)])
    rows = mine.pairs + torch.from_numpy(starts)[image, None]
    overlap = torch.cat([sample.overlap for sample in samples])[rows]
    boxes = torch.cat([sample.boxes for sample in samples])[rows]
    forward, backward, pairs = (max(total, 1) / num_ranks for total in drawn.totals())
    totals = (forward, backward, pairs)
    facts = (mine.targets, mine.learned, mine.labels)
    return PairBatch(features, image, overlap, boxes, *facts, totals)
