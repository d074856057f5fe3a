# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much louder a word must speak that no training has seen, to win beside trained ones.

A head scores words that it was trained on higher, whatever it sees. Source: calibrated stacking
(Chao et al., ECCV 2016), here as a factor on the vector of an unseen word, so that no graph changes
for it. The factor is found as usual in generalized zero-shot learning: some trained predicates are
held out in turn, and it is the one by which both kinds are named right most often. As a gain costs
trained words, and what it brings differs from word to word, it is the least that does as well as
the best one within one standard error (Breiman et al., "Classification and regression trees",
1984), here of the differences between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from psg_ros.network.relation_head import RelationHead
from psg_ros.network.word_scores import GAINS, word_scores
from psg_ros.open_set import name_hash
from psg_ros.training.relations.word_heads import Pairs

FOLDS = 4


def folds(names: Sequence[str], taught: Sequence[int]) -> list[list[int]]:
    """Return the taught ones of some names in `FOLDS` parts, by their hashes; none is empty."""
    order = sorted(taught, key=lambda index: name_hash(names[index]))
    parts = [sorted(order[part::FOLDS]) for part in range(FOLDS)]
    return [part for part in parts if part]


def measure_gains(
    learn: Callable[[Pairs, Sequence[int]], RelationHead],
    learned: Pairs,
    judged: Pairs,
    names: Sequence[str],
    held_out: Sequence[int] = (),
) -> np.ndarray:
    """Return `shares_right` of each of `GAINS`, float64 [fold, gain, 2].

    Args:
        learn: teaches a new head pairs without the relations of some predicates.
        learned, judged: pairs of different images.
        held_out: predicates that the training sees in no fold, and that are not judged.
    """
    taught = [index for index in range(len(names)) if index not in held_out]
    shares = []
    for part in folds(names, taught):
        hidden = [*held_out, *part]
        head = learn(learned.without(hidden), hidden)
        seen = [index for index in taught if index not in part]
        shares.append([shares_right(head, judged, seen, part, gain) for gain in GAINS])
    return np.array(shares)


def best_gain(shares: np.ndarray) -> float:
    """Return the gain by what `measure_gains` has found, see above.

    Both kinds count by the harmonic mean of their shares.
    """
    both = 2 * shares.prod(axis=2) / np.maximum(shares.sum(axis=2), 1e-9)
    behind = both[:, [both.mean(axis=0).argmax()]] - both
    folds = len(both)
    error = behind.std(axis=0, ddof=1) / folds**0.5 if folds > 1 else 0.0
    return GAINS[int((behind.mean(axis=0) <= error).argmax())]


def shares_right(
    head: RelationHead, pairs: Pairs, seen: Sequence[int], unseen: Sequence[int], gain: float
) -> tuple[float, float]:
    """Return in which shares 0..1 seen and unseen predicates are named right, the latter louder."""
    scores = word_scores(head)
    assert scores is not None
    words = scores.words.clone()
    scores.take_words(louder(words, unseen, gain))
    with torch.no_grad():
        logits = torch.stack(head(pairs.vectors), dim=1)[:, :, 1:]
    scores.take_words(words)
    known = torch.tensor([*seen, *unseen])
    named = known[logits[:, :, known].argmax(dim=2)]
    right = named_right(named, pairs.targets[:, :, 1:])
    return mean_share(right[list(seen)]), mean_share(right[list(unseen)])


def mean_share(shares: np.ndarray) -> float:
    """Return the mean of those that are known; 0 where none is."""
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if len(known) else 0.0


def named_right(named: Tensor, targets: Tensor) -> np.ndarray:
    """Return of each predicate how often it is named where it is annotated; NaN where it never is.

    Args:
        named: int64 [pair, 2]; targets: [pair, 2, predicate].
    """
    hits = torch.nn.functional.one_hot(named, targets.shape[2]) * targets
    count = targets.sum(dim=(0, 1))
    return torch.where(count > 0, hits.sum(dim=(0, 1)) / count, torch.nan).numpy()


def louder(words: Tensor, unseen: Sequence[int], gain: float) -> Tensor:
    """Return the vectors of words, those of unseen ones `gain` times as long."""
    factors = torch.ones(len(words))
    factors[list(unseen)] = gain
    return words * factors[:, None].to(words)
