# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much louder a word must speak that no training has seen, to win beside trained ones.

A head scores words that it was trained on higher, whatever it sees. Source: calibrated stacking
(Chao et al., ECCV 2016), here as a factor on the vector of an unseen word, so that no graph changes
for it. The factor is found as usual in generalized zero-shot learning: some trained predicates are
held out in turn, and it is the one by which both kinds are named right most often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from psg_ros.network.relation_head import RelationHead
from psg_ros.network.word_scores import word_scores
from psg_ros.open_set import name_hash
from psg_ros.training.relations.word_heads import Pairs

FOLDS = 4
GAINS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 10.0)


def folds(names: Sequence[str], taught: Sequence[int]) -> list[list[int]]:
    """Return the taught ones of some names in `FOLDS` parts, by their hashes; none is empty."""
    order = sorted(taught, key=lambda index: name_hash(names[index]))
    parts = [sorted(order[part::FOLDS]) for part in range(FOLDS)]
    return [part for part in parts if part]


def find_gain(
    learn: Callable[[Pairs, Sequence[int]], RelationHead],
    learned: Pairs,
    judged: Pairs,
    names: Sequence[str],
    held_out: Sequence[int] = (),
) -> float:
    """Return the gain, of `GAINS`, by the mean over the folds of `harmonic_mean`.

    Args:
        learn: teaches a new head pairs without the relations of some predicates.
        learned, judged: pairs of different images.
        held_out: predicates that the training sees in no fold, and that are not judged.
    """
    taught = [index for index in range(len(names)) if index not in held_out]
    sums = np.zeros(len(GAINS))
    for part in folds(names, taught):
        hidden = [*held_out, *part]
        head = learn(learned.without(hidden), hidden)
        seen = [index for index in taught if index not in part]
        sums += [harmonic_mean(head, judged, seen, part, gain) for gain in GAINS]
    return GAINS[int(sums.argmax())]


def harmonic_mean(
    head: RelationHead, pairs: Pairs, seen: Sequence[int], unseen: Sequence[int], gain: float
) -> float:
    """Return that of the shares 0..1 in which seen and unseen predicates are named right."""
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
    shares = [float(np.nanmean(right[list(part)])) for part in (seen, unseen)]
    return 2 * shares[0] * shares[1] / max(sum(shares), 1e-9)


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
