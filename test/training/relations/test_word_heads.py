# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heads that learn on vectors of pairs: what they learn, and what is left out of the lesson."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from psg_ros.network.config import RelationConfig  # noqa: E402
from psg_ros.network.relation_head import RelationHead  # noqa: E402
from psg_ros.network.word_scores import word_scores  # noqa: E402
from psg_ros.training.relations import word_heads  # noqa: E402
from psg_ros.training.relations.relation_losses import prior_loss  # noqa: E402
from psg_ros.training.relations.word_heads import Lesson, Pairs, learn_head  # noqa: E402

DIM, WORDS, PREDICATES = 8, 6, 3
SIZES = {"dim": DIM, "num_heads": 2, "head_hidden": 16}


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(word_heads, "STEPS", 200)
    monkeypatch.setattr(word_heads, "RATE", 1e-2)


def unit(count, seed):
    drawn = torch.randn(count, WORDS, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(drawn, dim=1)


def open_head():
    torch.manual_seed(0)
    config = RelationConfig(**SIZES, text_encoder="bag_of_words", text_dim=WORDS)
    head = RelationHead(config, PREDICATES)
    word_scores(head).take_words(unit(PREDICATES, 1))
    return head


def pairs():
    """Pairs whose vectors say which predicate holds forward, or that there is none."""
    which = torch.arange(200) % (PREDICATES + 1)
    targets = torch.zeros(200, 2, PREDICATES + 1)
    targets[:, 1, 0] = 1
    targets[range(200), 0, which] = 1
    vectors = torch.zeros(200, DIM)
    vectors[range(200), which] = 3
    noise = torch.randn(200, DIM, generator=torch.Generator().manual_seed(0))
    labels = torch.stack((which % 2, which % 3), dim=1)
    return Pairs(vectors + 0.1 * noise, targets, labels)


WEIGHTS = torch.ones(PREDICATES + 1)


def same(found, expected):
    """To the bit; what was not measured is NaN."""
    torch.testing.assert_close(dict(found), dict(expected), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("start", [open_head(), RelationHead(RelationConfig(**SIZES), PREDICATES)])
def test_a_head_learns_and_the_start_stays_as_it_is(start):
    before = {name: value.clone() for name, value in start.state_dict().items()}
    head, known = learn_head(start, pairs(), Lesson(WEIGHTS)), pairs()
    related = known.targets[:, 0, 0] == 0
    found = head(known.vectors)[0][related, 1:].argmax(dim=1)
    assert (found == known.targets[related, 0, 1:].argmax(dim=1)).float().mean() > 0.9
    same(start.state_dict(), before)
    assert not head.training


def test_a_lesson_is_the_same_for_a_seed_whatever_was_drawn_before():
    first = learn_head(open_head(), pairs(), Lesson(WEIGHTS, seed=3)).state_dict()
    torch.randn(5)
    again = learn_head(open_head(), pairs(), Lesson(WEIGHTS, seed=3)).state_dict()
    other = learn_head(open_head(), pairs(), Lesson(WEIGHTS, seed=4)).state_dict()
    same(again, first)
    assert not torch.equal(first["mlp.2.project.weight"], other["mlp.2.project.weight"])


def test_hidden_predicates_leave_no_relation():
    known = pairs().without([0, 2])
    assert known.targets[:, :, [1, 3]].sum() == 0
    assert (known.targets.sum(dim=2) == 1).all(), "a direction without any other has none"
    assert known.targets[:, 0, 2].sum() == 50


def test_the_prior_draws_pairs_to_what_their_labels_suggest():
    words, known = unit(3, 7), pairs()

    def distance(head):
        suggested = words[known.labels].sum(dim=1)
        return float(prior_loss(head, known.vectors, suggested).mean())

    plain = learn_head(open_head(), known, Lesson(WEIGHTS))
    drawn = learn_head(open_head(), known, Lesson(WEIGHTS, label_words=words, prior_weight=1.0))
    assert distance(drawn) < distance(plain) - 0.2
