# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Words of a network in training: which ways to say them it hears, and which words are louder."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tiny_open import ENCODER, open_network  # noqa: E402

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary, load_vocabulary  # noqa: E402
from psg_ros.network.word_scores import word_scores  # noqa: E402
from psg_ros.open_set import novel_indices  # noqa: E402
from psg_ros.training.config import (  # noqa: E402
    RelationTraining,
    SegmentationTraining,
    TrainConfig,
)
from psg_ros.training.words import label_words, take_ways  # noqa: E402


@pytest.fixture
def opened(tmp_path):
    model, labels = open_network(tmp_path)
    return model, load_vocabulary(labels)


def config(**stages):
    return TrainConfig("open", "open", "data", "out", **stages)


def ways_heard(stage):
    """Return how many ways to say each word a stage hears."""
    ways = word_scores(stage).ways
    return (ways.norm(dim=2) > 0.5).sum(dim=1).tolist()


def test_each_word_is_heard_in_several_ways_itself_first(opened):
    model, vocabulary = opened
    take_ways(model, config(), vocabulary)
    assert min(ways_heard(model.segmenter) + ways_heard(model.relations)) > 2
    for stage in (model.segmenter, model.relations):
        scores = word_scores(stage)
        torch.testing.assert_close(scores.ways[:, 0], scores.words)


def test_settings_leave_words_as_they_are(opened):
    model, vocabulary = opened
    take_ways(model, config(segmentation=SegmentationTraining(paraphrases=False)), vocabulary)
    assert word_scores(model.segmenter).ways is None
    assert word_scores(model.relations).ways is not None


def test_of_what_is_held_out_nothing_else_is_heard(opened):
    model, vocabulary = opened
    held_out = novel_indices(vocabulary.predicate_names)
    take_ways(model, config(relations=RelationTraining(held_out_predicates="novel")), vocabulary)
    heard = ways_heard(model.relations)
    assert [count == 1 for count in heard] == [index in held_out for index in range(len(heard))]


def test_labels_of_the_prior_are_told_apart(opened):
    _, vocabulary = opened
    vectors = label_words(ENCODER, vocabulary)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(vocabulary.num_labels))
    alike = vectors @ vectors.T
    assert alike[~torch.eye(len(alike), dtype=torch.bool)].max() < 0.2


def test_a_single_label_says_nothing_of_predicates():
    one = Vocabulary((ObjectLabel("cup", True, (1, 2, 3)),), (Predicate("on"),))
    assert label_words(ENCODER, one) is None
