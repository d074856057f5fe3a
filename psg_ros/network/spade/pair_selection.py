# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs of segments are worth asking about, and what that choice is trained with."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from psg_ros.network.spade.config import SpadeConfig
from psg_ros.network.spade.spatial_graph import cosines


class PairSelection(nn.Module):
    """From nodes that know of each other to a query for each chosen directed pair."""

    def __init__(self, config: SpadeConfig) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Linear(2 * config.dim, config.dim)

    def affinity(self, nodes: Float[Tensor, "node dim"]) -> Float[Tensor, "node node"]:
        """Return how probable it is that any two are related, -1..1; symmetric."""
        return cosines(nodes, center=self.config.center_nodes)

    def choose(self, affinity: Float[Tensor, "node node"]) -> Int[Tensor, "pair 2"]:
        """Return the pairs above the threshold, both directions of each, the best first."""
        count, config = len(affinity), self.config
        rows, columns = torch.triu_indices(count, count, 1, device=affinity.device)
        scores, order = affinity[rows, columns].sort(descending=True, stable=True)
        passing = int((scores > config.eta_pair).sum())
        # Both directions are looked at: half as many couples.
        kept = order[: min(max(passing, config.min_pairs // 2, 1), max(config.max_pairs // 2, 1))]
        couples = torch.stack((rows[kept], columns[kept]), dim=1)
        return torch.stack((couples, couples.flip(1)), dim=1).flatten(0, 1)

    def forward(
        self, nodes: Float[Tensor, "node dim"], pairs: Int[Tensor, "pair 2"]
    ) -> Float[Tensor, "pair dim"]:
        """Return the relation queries; subject first, so directions differ."""
        return self.query(nodes[pairs].flatten(1))


def pair_loss(
    affinity: Float[Tensor, "node node"], triplets: Int[Tensor, "triplet 3"]
) -> Float[Tensor, ""]:
    """Return L_rqc: squared distance to 1 for pairs that are related either way, to 0 for others.

    Args:
        triplets: (subject, object, predicate).
    """
    count = len(affinity)
    if count < 2:
        return affinity.sum() * 0
    related = torch.zeros_like(affinity)
    related[triplets[:, 0], triplets[:, 1]] = 1
    related = torch.maximum(related, related.T)
    off_diagonal = ~torch.eye(count, dtype=torch.bool, device=affinity.device)
    return ((affinity - related) ** 2)[off_diagonal].mean()
