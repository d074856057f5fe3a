# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How well what was seen fits each word: a trained score and CLIP's, fused."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

START_SCALE = math.log(1 / 0.07)
HIGHEST_SCALE = 100.0
PADDING_LOGIT = -1e4
"""Of a row of zeros among the words. Finite, so that no weight makes it NaN; its exp is 0."""


class WordScores(nn.Module):
    """Cosines with the vectors of words, and with one learned vector for none of them.

    Words may be padded to a fixed number with rows of zeros, which get no probability.

    Args:
        dim: width of queries.
        embedding_width: of the words' vectors.
    """

    def __init__(self, dim: int, embedding_width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(dim, embedding_width), nn.LayerNorm(embedding_width))
        self.none = nn.Parameter(torch.randn(embedding_width) / embedding_width**0.5)
        self.log_scale = nn.Parameter(torch.tensor(START_SCALE))

    def forward(
        self, queries: Float[Tensor, "query dim"], words: Float[Tensor, "word embed"]
    ) -> Float[Tensor, "query column"]:
        """Return the trained logits; the last column is that of no word."""
        return self._logits(self.project(queries), words)

    def of_clip(
        self, pooled: Float[Tensor, "query embed"], words: Float[Tensor, "word embed"]
    ) -> Float[Tensor, "query column"]:
        """Return the logits of what CLIP sees there."""
        return self._logits(pooled, words)

    def _logits(self, vectors: Tensor, words: Tensor) -> Tensor:
        columns = torch.cat((words, self.none[None]))
        cosines = functional.normalize(vectors, dim=-1) @ functional.normalize(columns, dim=-1).T
        logits = self.log_scale.exp().clamp(max=HIGHEST_SCALE) * cosines
        return logits.masked_fill((columns == 0).all(1), PADDING_LOGIT)


def fuse(
    logits: Float[Tensor, "query column"],
    clip_logits: Float[Tensor, "query column"],
    seen: Bool[Tensor, " word"],
    alpha_seen: float,
    alpha_unseen: float,
) -> Float[Tensor, "query column"]:
    """Return the probabilities P^alpha * P_clip^(1 - alpha), each row brought to sum 1.

    Args:
        seen: words of the training; the last column, none, counts as seen.
    """
    known = torch.cat((seen, seen.new_ones(1)))
    alpha = torch.where(known, alpha_seen, alpha_unseen).to(logits)
    mixed = alpha * logits.log_softmax(-1) + (1 - alpha) * clip_logits.log_softmax(-1)
    return mixed.softmax(-1)
