# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images by the vectors of their pairs, and how well a head names what is annotated in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from psg_ros.evaluation.metrics.recall import (
    RecallSums,
    found_triplets,
    rank_with_constraint,
    recall_of_image,
    without_self_relations,
)
from psg_ros.network.relation_head import RelationHead
from psg_ros.scene_graph import RelationScores
from psg_ros.training.relations.relation_samples import RelationTruth
from psg_ros.training.relations.validation import all_pairs

K = 50


@dataclasses.dataclass(frozen=True)
class Images:
    """Some images: what is known of each, and the vectors [pair, dim] of its pairs."""

    truths: Sequence[RelationTruth]
    vectors: Sequence[Tensor]

    def part(self, wanted: slice) -> Images:
        """Return some of them."""
        return Images(self.truths[wanted], self.vectors[wanted])

    def having(self, predicate: int) -> Images:
        """Return those with a triplet of a predicate."""
        places = [i for i, t in enumerate(self.truths) if predicate in t.triplets[:, 2]]
        return Images([self.truths[i] for i in places], [self.vectors[i] for i in places])

    def scores(self, head: RelationHead) -> list[RelationScores]:
        """Return the scores of both directions of all pairs of each image."""
        found = []
        for vectors, truth in zip(self.vectors, self.truths, strict=True):
            with torch.inference_mode():
                both = torch.cat(head(vectors)).numpy()
            ends = all_pairs(truth.num_segments)
            found.append(RelationScores(torch.cat((ends, ends.flip(1))).int().numpy(), both))
        return found

    def recall(self, found: Sequence[RelationScores], counted: Sequence[int]) -> np.ndarray:
        """Return R@50 of each predicate in percent, of the triplets of some; NaN where none is."""
        count = found[0].logits.shape[1] - 1
        sums = RecallSums.empty(count)
        for truth, scores in zip(self.truths, found, strict=True):
            triplets = without_self_relations(truth.triplets)
            triplets = triplets[np.isin(triplets[:, 2], counted)]
            best, match = rank_with_constraint(scores)[:K], np.arange(truth.num_segments)
            hits = found_triplets(triplets, best, match, count)
            sums += recall_of_image(triplets, hits, count)
        return 100 * sums.per_predicate

    def accuracy(self, found: Sequence[RelationScores], words: Sequence[int]) -> float:
        """Return how often the best of some words is the annotated one, the mean over these words.

        In percent; asked for each annotated direction that has one of them; chance is 1 / words.
        """
        right, asked = np.zeros(len(words)), np.zeros(len(words))
        for truth, scores in zip(self.truths, found, strict=True):
            row = {tuple(ends): i for i, ends in enumerate(scores.pairs.tolist())}
            for subject, other, predicate in without_self_relations(truth.triplets).tolist():
                if predicate in words:
                    logits = scores.logits[row[subject, other]][[1 + word for word in words]]
                    asked[words.index(predicate)] += 1
                    right[words.index(predicate)] += words[int(logits.argmax())] == predicate
        return float(100 * (right / np.maximum(asked, 1))[asked > 0].mean())


def only(found: Sequence[RelationScores], words: Sequence[int]) -> list[RelationScores]:
    """Return the scores as if the vocabulary were these words alone."""
    result = []
    for scores in found:
        logits = np.full_like(scores.logits, -1e4)
        columns = [0, *(1 + word for word in words)]
        logits[:, columns] = scores.logits[:, columns]
        result.append(RelationScores(scores.pairs, logits))
    return result
