# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gated bidirectional head: both directions of a pair from one vector.

Source: DSFlash (CVPR 2026): a sigmoid gate splits the pair's vector, one MLP scores both parts.
"""

from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.network.config import RelationConfig
from psg_ros.network.word_scores import score_layer


class RelationHead(nn.Module):
    """Pair vector -> logits of both directions; column 0 is "no relation".

    With a text encoder the last layer of `mlp` is a `WordScores`.

    Attributes:
        bidirectional: False for `split: none`; then only `mlp` is there, for the forward direction.
    """

    def __init__(self, config: RelationConfig, num_predicates: int) -> None:
        super().__init__()
        self.bidirectional = config.split != "none"
        self.gate = nn.Linear(config.dim, config.dim) if self.bidirectional else None
        self.backward_projection = (
            nn.Linear(config.dim, config.dim) if config.split == "two_linear" else None
        )
        self.mlp = nn.Sequential(
            nn.Linear(config.dim, config.head_hidden),
            nn.ReLU(),
            score_layer(
                config.head_hidden, num_predicates, config.text_encoder, config.text_dim,
                none_first=True,
            ),
        )  # fmt: skip
        self.num_predicates = num_predicates

    def split(
        self, pair: Float[Tensor, "pair dim"]
    ) -> tuple[Float[Tensor, "pair dim"], Float[Tensor, "pair dim"]]:
        """Return the forward and the backward part; with the gate they add up to the input."""
        if self.gate is None:
            raise RuntimeError("split: none has one direction; give the pair in both orders")
        if self.backward_projection is not None:
            return self.gate(pair), self.backward_projection(pair)
        forward_part = self.gate(pair).sigmoid() * pair
        return forward_part, pair - forward_part

    def forward(
        self, pair: Float[Tensor, "pair dim"]
    ) -> tuple[Float[Tensor, "pair column"], Float[Tensor, "pair column"]]:
        forward_part, backward_part = self.split(pair)
        return self.mlp(forward_part), self.mlp(backward_part)
