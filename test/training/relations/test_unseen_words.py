# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The gain of unseen words: found where it makes both kinds of words right, from training alone."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from psg_ros.network.word_scores import GAINS, WordScores  # noqa: E402
from psg_ros.training.relations.unseen_words import (  # noqa: E402
    FOLDS,
    best_gain,
    folds,
    louder,
    measure_gains,
    named_right,
    shares_right,
)
from psg_ros.training.relations.word_heads import Pairs  # noqa: E402

NAMES = ("on", "in", "over", "beside", "holding", "riding", "touching", "under", "near", "at")


class Echo(nn.Module):
    """A head whose pairs point at their words; at unseen ones less, and a little at the first."""

    def __init__(self, unseen, strength):
        super().__init__()
        count = len(NAMES)
        self.scores = WordScores(count, count, count, none_first=True)
        self.scores.take_words(torch.eye(count))
        self.unseen, self.strength = list(unseen), strength

    def forward(self, vectors):
        pointing = vectors.clone()
        pointing[:, self.unseen] *= self.strength
        pointing[:, 0] += 0.5
        logits = 20 * pointing @ self.scores.words.T - 10
        logits = torch.cat((torch.zeros(len(logits), 1), logits), dim=1)
        return logits, logits


def pairs_of_every_word():
    count = len(NAMES)
    targets = torch.zeros(count, 2, 1 + count)
    targets[:, :, 1:] = torch.eye(count)[:, None]
    return Pairs(torch.eye(count), targets, torch.zeros(count, 2, dtype=torch.int64))


def test_every_taught_word_is_hidden_once():
    parts = folds(NAMES, range(1, 10))
    assert len(parts) == FOLDS and sorted(sum(parts, [])) == list(range(1, 10))
    assert folds(NAMES, [3]) == [[3]], "no part is empty"


def test_louder_words_are_longer_and_others_stay():
    words = louder(torch.eye(3), [2], 1.5)
    assert torch.equal(words.norm(dim=1), torch.tensor([1, 1, 1.5]))


def test_words_that_are_heard_less_need_a_gain():
    pairs = pairs_of_every_word()
    seen, unseen = range(7), range(7, 10)
    head = Echo(unseen, 0.25)
    assert shares_right(head, pairs, seen, unseen, 1.0) == (1, 0)
    assert shares_right(head, pairs, seen, unseen, 3.0) == (1, 1)
    assert torch.equal(head.scores.words, torch.eye(len(NAMES))), "its words are its own again"


def test_the_least_gain_by_which_both_kinds_are_named_right_is_found():
    calls = []

    def learn(pairs, hidden):
        calls.append(list(hidden))
        assert pairs.targets[:, :, [1 + word for word in hidden]].sum() == 0
        return Echo(hidden, 0.25)

    pairs = pairs_of_every_word()
    shares = measure_gains(learn, pairs, pairs, NAMES, held_out=[9])
    assert shares.shape == (FOLDS, len(GAINS), 2)
    assert best_gain(shares) == next(g for g in GAINS if g * 0.25 > 0.5)
    assert len(calls) == FOLDS and all(hidden[0] == 9 for hidden in calls)


def test_a_gain_that_helps_few_words_more_than_it_harms_others_is_not_taken():
    shares = np.zeros((3, len(GAINS), 2))
    shares[:, 2] = 0.5, 0.5
    assert best_gain(shares) == GAINS[2]
    shares[:, 4] = [[0.9, 0.9], [0.4, 0.4], [0.45, 0.45]]
    assert best_gain(shares) == GAINS[2], "better on the mean, not beyond one standard error"
    shares[:, 4] = [[0.9, 0.9], [0.8, 0.8], [0.7, 0.7]]
    assert best_gain(shares) == GAINS[4]
    assert best_gain(shares[:1]) == GAINS[4], "one fold alone has no error"


def test_shares_named_right_count_annotated_directions_alone():
    targets = torch.zeros(2, 2, 3)
    targets[0, 0, 0] = targets[1, 0, 0] = targets[1, 1, 1] = 1
    named = torch.tensor([[0, 2], [1, 1]])
    found = named_right(named, targets)
    assert found[:2].tolist() == [0.5, 1.0] and np.isnan(found[2])


def test_words_that_no_image_shows_count_as_never_right():
    pairs = pairs_of_every_word()
    assert shares_right(Echo([], 1.0), pairs, range(9), [], 1.0) == (1, 0)
    pairs.targets[9] = 0
    assert shares_right(Echo([], 1.0), pairs, range(9), [9], 1.0) == (1, 0)
