# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The words of a network in training: their vectors, and other ways to say them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from psg_ros.labels import Vocabulary, phrase
from psg_ros.network.dsflash import DsFlash
from psg_ros.network.word_scores import word_scores
from psg_ros.open_set import held_out
from psg_ros.text.encoders import open_encoder
from psg_ros.text.paraphrases import load_paraphrases, ways_to_say
from psg_ros.text.whitening import fit_whitening, word_vectors
from psg_ros.training.config import TrainConfig
from psg_ros.training.relations.held_out import held_out_predicates


def take_words(model: DsFlash, vocabulary: Vocabulary) -> None:
    """Have the heads that compare with words score those of a vocabulary.

    Raises:
        ImportError, ValueError: see `open_encoder`; or an encoder of another `text_dim`.
    """
    heads = (
        (model.segmenter, model.config.segmenter.text_encoder, vocabulary.label_names),
        (model.relations, model.config.relations.text_encoder, vocabulary.predicate_names),
    )
    for stage, encoder, names in heads:
        scores = word_scores(stage)
        if scores is not None:
            vectors = word_vectors(encoder, [phrase(name) for name in names])
            scores.take_words(torch.from_numpy(vectors))


def take_ways(model: DsFlash, config: TrainConfig, vocabulary: Vocabulary) -> None:
    """Have these heads learn other ways to say their words, where the settings have it so."""
    if config.segmentation.paraphrases:
        encoder, names = model.config.segmenter.text_encoder, vocabulary.label_names
        unseen = [names[index] for index in held_out(config.held_out_labels, names)]
        teach(model.segmenter, encoder, names, "classes", unseen)
    if config.relations.paraphrases:
        encoder, names = model.config.relations.text_encoder, vocabulary.predicate_names
        unseen = [names[index] for index in held_out_predicates(config.relations, vocabulary)]
        teach(model.relations, encoder, names, "predicates", unseen)


def label_words(encoder: str, vocabulary: Vocabulary) -> Tensor | None:
    """Return the vectors float32 [label, text_dim] of labels for the prior of predicates.

    They are whitened by themselves: which of two labels it is says more than that both are things.
    A single label says nothing: None.
    """
    if vocabulary.num_labels < 2:
        return None
    vectors = open_encoder(encoder).encode([phrase(name) for name in vocabulary.label_names])
    return torch.from_numpy(fit_whitening(vectors)(vectors))


def teach(
    stage: nn.Module,
    encoder: str,
    names: Sequence[str],
    kind: str,
    unseen: Collection[str],
) -> None:
    """Teach the head of a stage other ways to say names; one of a closed list needs none.

    Args:
        kind: `classes` or `predicates`.
        unseen: names that the training must know nothing of, see `ways_to_say`.
    """
    scores = word_scores(stage)
    if scores is None:
        return
    ways = ways_to_say(names, getattr(load_paraphrases(), kind), unseen)
    vectors = torch.from_numpy(word_vectors(encoder, [way for group in ways for way in group]))
    scores.take_ways(vectors.split([len(group) for group in ways]))
