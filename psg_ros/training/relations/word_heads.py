# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heads that learn on a relation stage that stays as it is: seconds each, to see what words can do.

The stage turns every pair into a vector once. All heads then see the same vectors.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from psg_ros.network.dsflash import RelationStage
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.word_scores import word_scores
from psg_ros.training.losses import relation_targets
from psg_ros.training.relations.relation_losses import pair_vectors, prior_loss
from psg_ros.training.relations.relation_samples import RelationSample, RelationTruth
from psg_ros.training.relations.validation import all_pairs

STEPS, BATCH_PAIRS, RATE, DECAY = 400, 512, 2e-3, 0.02
RELATED_SHARE = 2 / 3
"""Of the pairs of a step."""
FeatureMaps = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Pairs:
    """All pairs of some images, the first segment before the second.

    Attributes:
        vectors: float32 [pair, dim], from the stage.
        targets: float32 [pair, 2, 1 + predicate]; multi-hot, forward and backward.
        labels: int64 [pair, 2]; of both segments.
    """

    vectors: Tensor
    targets: Tensor
    labels: Tensor

    def without(self, predicates: Sequence[int]) -> Pairs:
        """Return the same pairs without the relations of some predicates."""
        targets = self.targets.clone()
        targets[:, :, [1 + predicate for predicate in predicates]] = 0
        targets[:, :, 0] = (targets[:, :, 1:].sum(dim=-1) == 0).float()
        return replace(self, targets=targets)


@dataclass(frozen=True)
class Lesson:
    """What a head is taught, besides its words and pairs.

    Attributes:
        weights: float32 [1 + predicate]; of positives.
        held_out: predicates whose columns are not learned from.
        label_words, prior_weight: see `RelationLosses` and `RelationTraining`.
    """

    weights: Tensor
    held_out: Sequence[int] = ()
    label_words: Tensor | None = None
    prior_weight: float = 0.0
    seed: int = 0


def image_vectors(
    stage: RelationStage, feature_maps: FeatureMaps, samples: Iterable[RelationSample]
) -> Iterator[Tensor]:
    """Yield the vectors [pair, dim] of all pairs of each image; the stage is on the CPU.

    Args:
        feature_maps: [1, value] of a sample -> maps [1, cell, width], see `RelationLosses`.
    """
    for sample in samples:
        ends = all_pairs(len(sample.overlap))
        with torch.no_grad():
            maps = [part.float().cpu() for part in feature_maps(sample.features[None])]
            image = torch.zeros(len(ends), dtype=torch.int64)
            cells = stage.tap_embedding(maps)
            yield pair_vectors(stage, cells, image, sample.overlap[ends], sample.boxes[ends])


def join_pairs(
    vectors: Sequence[Tensor], truths: Sequence[RelationTruth], num_predicates: int
) -> Pairs:
    """Return the pairs of images, from `image_vectors` and what is known of them."""
    targets, labels = [], []
    for truth in truths:
        ends, known = all_pairs(truth.num_segments), torch.from_numpy(truth.triplets)
        both = [relation_targets(known, way, num_predicates) for way in (ends, ends.flip(1))]
        targets.append(torch.stack(both, dim=1))
        labels.append(torch.from_numpy(np.asarray(truth.labels))[ends])
    return Pairs(torch.cat(list(vectors)), torch.cat(targets), torch.cat(labels))


def learn_head(start: RelationHead, pairs: Pairs, lesson: Lesson) -> RelationHead:
    """Return a head that has learned from pairs, in evaluation mode.

    Args:
        start: where all but the scores start from, which start from nothing; with its words.
    """
    head = copy.deepcopy(start)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        head.mlp[-1].reset_parameters()
        learn(head.train(), pairs, lesson)
    return head.eval()


def learn(head: RelationHead, pairs: Pairs, lesson: Lesson) -> None:
    """Teach a head in `STEPS` steps."""
    related = (pairs.targets[:, :, 0] == 0).any(dim=1)
    pools = related.nonzero()[:, 0], (~related).nonzero()[:, 0]
    sizes = int(BATCH_PAIRS * RELATED_SHARE), BATCH_PAIRS - int(BATCH_PAIRS * RELATED_SHARE)
    columns = torch.ones_like(lesson.weights)
    columns[[1 + predicate for predicate in lesson.held_out]] = 0
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        chosen = torch.cat(
            [
                pool[torch.randint(len(pool), (size,))]
                for pool, size in zip(pools, sizes, strict=True)
                if len(pool)
            ]
        )
        logits = torch.stack(head(pairs.vectors[chosen]), dim=1)
        loss = functional.binary_cross_entropy_with_logits(
            logits, pairs.targets[chosen], pos_weight=lesson.weights, reduction="none"
        )
        total = (loss * columns / columns.mean()).mean()
        if lesson.label_words is not None and word_scores(head) is not None:
            suggested = lesson.label_words[pairs.labels[chosen]].sum(dim=1)
            prior = prior_loss(head, pairs.vectors[chosen], suggested)
            total = total + lesson.prior_weight * prior.mean()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        schedule.step()
