# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""WordScores: logits of words as the cosine between what was seen and vectors of these words.

Source: YOLO-World and FC-CLIP compare with word vectors that were encoded beforehand, so that no
text model runs with the camera; scale and offset of the cosine are learned as in SigLIP. Nothing
here belongs to one word: other words need other vectors and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.segmenter_config import SegmenterConfig

GAINS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 10.0)
"""What training tries, see `psg_ros.training.relations.unseen_words`."""
START_SCALE, START_OFFSET = 20.0, -10.0
"""Of the cosines at the start of training: nothing holds until a direction comes near a word. With
an offset of 0 the direction itself learns to turn away from what all words have in common, and of
words that no training has seen it then prefers the one that is least like the others."""


class WordScores(nn.Module):
    """Vector -> one logit for each word and one for "none of them".

    Attributes:
        words: float [word, text_dim], of length 1; not a weight, see `take_words`.
        ways: other ways to say them, float [word, way, text_dim] with rows of zeros behind the last
            one of each; in every step of training each word is said as it is, or as a new mixture
            of these. None: always as it is.
        taught: bool [word]; which words of the training's own vocabulary it has seen.
        gain: 1 or more; how much longer vectors of other words must be to win beside these.
        shares: float [gain, 2]; of `GAINS`, how often trained words and words held out of the
            training were named right with it, 0..1. NaN: not measured.

    Args:
        none_first: whether "none of them" is the first column ("no relation"), or the last one ("no
            object").
    """

    words: Tensor
    ways: Tensor | None
    taught: Tensor
    gain: Tensor
    shares: Tensor

    def __init__(self, width: int, text_dim: int, num_words: int, *, none_first: bool) -> None:
        super().__init__()
        self.project = nn.Linear(width, text_dim)
        self.none = nn.Linear(width, 1)
        self.log_scale = nn.Parameter(torch.empty(()))
        self.offset = nn.Parameter(torch.empty(()))
        self.none_first = none_first
        directions = functional.normalize(torch.randn(num_words, text_dim), dim=1)
        self.register_buffer("words", directions, persistent=False)
        self.register_buffer("ways", None, persistent=False)
        self.register_buffer("taught", torch.ones(num_words, dtype=torch.bool))
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("shares", torch.full((len(GAINS), 2), math.nan))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Forget what was learned; words stay."""
        self.project.reset_parameters()
        self.none.reset_parameters()
        self.log_scale.fill_(math.log(START_SCALE))
        self.offset.fill_(START_OFFSET)

    def take_words(self, vectors: Float[Tensor, "word text_dim"]) -> None:
        """Score these words from now on, in training without other ways to say them.

        Raises:
            ValueError: vectors of another length than the weights were made for.
        """
        if vectors.shape[1:] != self.words.shape[1:]:
            raise ValueError(
                f"vectors of words must have {self.words.shape[1]} numbers (text_dim), not "
                f"{vectors.shape[1]}: they are of another text encoder"
            )
        self.words, self.ways = vectors.to(self.words), None

    def take_ways(self, vectors: Sequence[Float[Tensor, "way text_dim"]]) -> None:
        """Teach that these, of each word in order, mean the same as it.

        Raises:
            ValueError: not for as many words as there are.
        """
        if len(vectors) != len(self.words):
            raise ValueError(
                f"other ways to say {len(vectors)} words, but there are {len(self.words)}"
            )
        self.ways = nn.utils.rnn.pad_sequence(list(vectors), batch_first=True).to(self.words)

    def direction(self, seen: Float[Tensor, "*row width"]) -> Float[Tensor, "*row text_dim"]:
        """Return where among the words it lies, of length 1."""
        return functional.normalize(self.project(seen), dim=-1)

    def forward(self, seen: Float[Tensor, "*row width"]) -> Float[Tensor, "*row column"]:
        direction = self.direction(seen)
        words = self.words
        if self.training and self.ways is not None:
            words = retold(words, self.ways)
        scores = self.log_scale.exp() * (direction @ words.T) + self.offset
        columns = (self.none(seen), scores) if self.none_first else (scores, self.none(seen))
        return torch.cat(columns, dim=-1)


def retold(
    words: Float[Tensor, "word text_dim"], ways: Float[Tensor, "word way text_dim"]
) -> Float[Tensor, "word text_dim"]:
    """Return one vector of length 1 for each word: half of them as they are, half mixed of ways.

    The parts of a mixture are Dirichlet's with 1/2, so that mostly one or two ways weigh most.
    """
    parts = torch.randn(ways.shape[:2], device=ways.device, dtype=ways.dtype).square()
    mixtures = functional.normalize((parts[..., None] * ways).sum(dim=1), dim=-1)
    kept = torch.rand(len(words), 1, device=words.device) < 0.5
    return torch.where(kept, words, mixtures)


def score_layer(
    width: int, num_words: int, text_encoder: str, text_dim: int, *, none_first: bool
) -> nn.Module:
    """Return the last layer of a head: of words for a text encoder, of a closed list without."""
    if text_encoder:
        return WordScores(width, text_dim, num_words, none_first=none_first)
    return nn.Linear(width, num_words + 1)


def class_head(config: SegmenterConfig, width: int, num_labels: int) -> nn.Module:
    """Return the layer from a query to its class logits, "no object" last."""
    return score_layer(width, num_labels, config.text_encoder, config.text_dim, none_first=False)


def word_scores(part: nn.Module) -> WordScores | None:
    """Return the part of a stage that compares with words; None where its list is closed."""
    return next((one for one in part.modules() if isinstance(one, WordScores)), None)
