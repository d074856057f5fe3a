# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The last step of stage 2 with a text encoder: the gain of words that training has not seen."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from psg_ros.labels import Vocabulary
from psg_ros.network.dsflash import RelationStage
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.word_scores import word_scores
from psg_ros.training.relations.relation_data import evenly_spaced
from psg_ros.training.relations.relation_losses import RelationLosses
from psg_ros.training.relations.relation_sources import RelationSource
from psg_ros.training.relations.unseen_words import best_gain, measure_gains
from psg_ros.training.relations.word_heads import (
    FeatureMaps,
    Lesson,
    Pairs,
    image_vectors,
    join_pairs,
    learn_head,
)

MAX_IMAGES = 1000
"""Enough for the handful of numbers that are compared."""


def set_gain(losses: RelationLosses, source: RelationSource, vocabulary: Vocabulary) -> None:
    """Find the gain on the images of the training, and note it in the head with what it costs.

    Heads learn on the first half of the images and are judged on the other. Predicates that are
    held out of the training stay out. A head of a closed list is left as it is; one that has a
    single direction or a single image keeps the gain of 1.
    """
    stage = losses.stage
    scores = word_scores(stage.head)
    if scores is None:
        return
    if not stage.head.bidirectional or len(source.truths) < 2:
        return
    held_out = (losses.columns[1:] == 0).nonzero()[:, 0].tolist()
    on_cpu = copy.deepcopy(stage).cpu().eval()
    device = losses.weights.device

    def feature_maps(features: Tensor) -> Sequence[Tensor]:
        return losses.feature_maps(features.to(device))

    learned, judged = halves(on_cpu, feature_maps, source, vocabulary)
    words = None if losses.label_words is None else losses.label_words.cpu()

    def learn(pairs: Pairs, hidden: Sequence[int]) -> RelationHead:
        lesson = Lesson(losses.weights.cpu(), hidden, words, losses.settings.prior_weight)
        return learn_head(on_cpu.head, pairs, lesson)

    shares = measure_gains(learn, learned, judged, vocabulary.predicate_names, held_out)
    scores.gain = torch.tensor(best_gain(shares), device=device)
    scores.shares = torch.from_numpy(shares.mean(axis=0)).to(scores.shares)


def halves(
    stage: RelationStage,
    feature_maps: FeatureMaps,
    source: RelationSource,
    vocabulary: Vocabulary,
) -> tuple[Pairs, Pairs]:
    """Return the pairs of the first and of the second half of some images of the training."""
    count = min(len(source.truths), MAX_IMAGES)
    places = evenly_spaced(len(source.truths), count).tolist()
    batches = source.batches([(0, place)] for place in places)
    vectors = list(image_vectors(stage, feature_maps, (samples[0] for samples, _ in batches)))
    truths = [source.truths[place] for place in places]
    middle = (count + 1) // 2
    parts = slice(middle), slice(middle, None)
    first, second = (
        join_pairs(vectors[part], truths[part], vocabulary.num_predicates) for part in parts
    )
    return first, second
