# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall of annotated triplets under SingleMPO: one mask per object, one score row per pair.

The protocol is that of DSFormer (the evaluator of fair-psgg), which DSFlash reports: segments match
by mask and label, recall is taken within each image before anything is averaged, and triplets
annotated twice count twice. Differences: pairs rank by the logit of "no relation" instead of its
probability, because float32 sigmoids saturate and lose the order; ties resolve by (subject, object,
predicate) instead of by chance; self relations in the truth are left out. A method without a column
"no relation" gives -inf there: its pairs then rank by their best predicate, unless it says itself
how they rank.

Two retrievals exist. With graph constraint a pair offers its best predicate only; without (Ng)
every predicate of every pair competes. Both answer which annotated triplets were found, as one bool
per triplet, and `RecallSums` averages such answers over images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psg_ros.robot.ops.triplets import sigmoid
from psg_ros.scene_graph import RelationScores

PAIRS = -1
"""As k: as many entries as the image has distinct annotated pairs. Names say "pairs" for it."""


def k_name(k: int) -> str:
    """Return what stands behind the @ in the name of a score: "20", or "pairs"."""
    return "pairs" if k == PAIRS else str(k)


def depth(k: int, triplets: np.ndarray) -> int:
    """Return how many of the best entries k allows in an image.

    Args:
        triplets: int64 [triplet, 3]; truth, (subject, object, predicate).
    """
    return len(np.unique(triplets[:, :2], axis=0)) if k == PAIRS else k


@dataclass(frozen=True)
class RecallSums:
    """Sums of per-image recalls; adding two joins their images.

    Attributes:
        predicate_recall: float64 [predicate]; sum of the per-image recalls of this predicate.
        predicate_images: int64 [predicate]; how many images contain it.
        image_recall: sum over images of found triplets / annotated triplets.
        images: images with at least one triplet.
    """

    predicate_recall: np.ndarray
    predicate_images: np.ndarray
    image_recall: float
    images: int

    @classmethod
    def empty(cls, num_predicates: int) -> RecallSums:
        """Return the sums over no image."""
        return cls(np.zeros(num_predicates), np.zeros(num_predicates, np.int64), 0.0, 0)

    def __add__(self, other: RecallSums) -> RecallSums:
        return RecallSums(
            self.predicate_recall + other.predicate_recall,
            self.predicate_images + other.predicate_images,
            self.image_recall + other.image_recall,
            self.images + other.images,
        )

    @property
    def recall(self) -> float:
        """R@k in [0, 1]: mean over images that have triplets; NaN when there is none."""
        return self.image_recall / self.images if self.images else float("nan")

    @property
    def per_predicate(self) -> np.ndarray:
        """Float64 [predicate] in [0, 1]: mean over the images that contain it; NaN when none."""
        return _divide(self.predicate_recall, self.predicate_images)

    @property
    def mean_recall(self) -> float:
        """mR@k in [0, 1]: mean over the predicates that occur; NaN when none does."""
        occurs = self.predicate_images > 0
        return float(self.per_predicate[occurs].mean()) if occurs.any() else float("nan")


def recall_of_image(triplets: np.ndarray, found: np.ndarray, num_predicates: int) -> RecallSums:
    """Turn one image's answer into sums; an image without triplets adds nothing.

    Args:
        triplets: int64 [triplet, 3]; (subject, object, predicate).
        found: bool [triplet].
    """
    if not len(triplets):
        return RecallSums.empty(num_predicates)
    annotated = np.bincount(triplets[:, 2], minlength=num_predicates)
    hits = np.bincount(triplets[found, 2], minlength=num_predicates)
    return RecallSums(
        predicate_recall=hits / np.maximum(annotated, 1),
        predicate_images=(annotated > 0).astype(np.int64),
        image_recall=float(found.mean()),
        images=1,
    )


def without_self_relations(triplets: np.ndarray) -> np.ndarray:
    """Return the triplets [triplet, 3] whose subject is not their object."""
    return triplets[triplets[:, 0] != triplets[:, 1]]


def rank_with_constraint(scores: RelationScores) -> np.ndarray:
    """List each pair with its best predicate, best pair first.

    A pair ranks as the method says. If it does not, by the probability that it has any relation,
    1 - sigmoid(logit 0); without such a logit (-inf) by its best predicate.

    Returns:
        int64 [pair, 3]; (subject, object, predicate).
    """
    pairs = scores.pairs.astype(np.int64)
    no_relation, predicates = scores.logits[:, 0], scores.logits[:, 1:]
    substitute = np.where(np.isneginf(no_relation), -predicates.max(axis=1, initial=-np.inf), 0)
    keys = (substitute, no_relation) if scores.rank is None else (-scores.rank,)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], *keys))
    return np.column_stack((pairs[order], predicates[order].argmax(axis=1)))


def rank_without_constraint(scores: RelationScores, limit: int) -> np.ndarray:
    """List the `limit` best predicates of all pairs together, best first.

    An entry ranks by (1 - p0) * p_c, the p being sigmoids.

    Returns:
        int64 [entry, 3]; (subject, object, predicate), at most pairs x predicates entries.
    """
    product = (sigmoid(-scores.logits[:, :1]) * sigmoid(scores.logits[:, 1:])).ravel()
    entries = np.arange(product.size)
    if 0 < limit < product.size:
        # Sorting everything would cost most of the evaluation: keep what can be among the best.
        least = np.partition(product, -limit)[-limit]
        entries = entries[product >= least]
    pair, predicate = np.divmod(entries, scores.logits.shape[1] - 1)
    subject, object_ = scores.pairs.astype(np.int64)[pair].T
    order = np.lexsort((predicate, object_, subject, -product[entries]))[:limit]
    return np.column_stack((subject, object_, predicate))[order]


def found_triplets(
    triplets: np.ndarray, retrieved: np.ndarray, match: np.ndarray, num_predicates: int
) -> np.ndarray:
    """Say which annotated triplets are among the retrieved ones.

    Args:
        triplets: int64 [triplet, 3]; truth, (subject, object, predicate) with truth's segments.
        retrieved: int64 [entry, 3]; prediction, the same with predicted segments.
        match: int64 [predicted segment]; truth's segment, or -1 (see `match_segments`).

    Returns:
        bool [triplet]; every copy of a duplicated triplet gets the same answer.
    """
    ends = match[retrieved[:, :2]]
    matched = (ends >= 0).all(axis=1)
    in_truth = np.column_stack((ends[matched], retrieved[matched, 2]))
    return np.isin(triplet_keys(triplets, num_predicates), triplet_keys(in_truth, num_predicates))


def reachable_triplets(triplets: np.ndarray, match: np.ndarray) -> np.ndarray:
    """Say which annotated triplets have both ends matched: what any k could find (mR@inf).

    Returns:
        bool [triplet].
    """
    return np.isin(triplets[:, 0], match) & np.isin(triplets[:, 1], match)


def triplet_keys(triplets: np.ndarray, num_predicates: int) -> np.ndarray:
    """Return int64 [triplet], equal where triplets are; segment indices stay below 2^24."""
    subject, object_, predicate = triplets.T
    return ((subject << 24) + object_) * num_predicates + predicate


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    missing = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=missing, where=denominator > 0)
