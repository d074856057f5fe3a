# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relation graph transformer: nodes learn of their neighbours, of all others, and of their place.

Attention to the neighbours and to the others has weights of its own for each; a graph convolution
over the neighbours follows.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psg_ros.network.spade.config import SpadeConfig


class MemberAttention(nn.Module):
    """Multi-head attention of each node to those of its set; to nobody gives 0."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))

    def forward(
        self, nodes: Float[Tensor, "node dim"], members: Bool[Tensor, "node node"]
    ) -> Float[Tensor, "node dim"]:
        query, key, value = (
            layer(nodes).unflatten(-1, (self.heads, -1)).transpose(0, 1)
            for layer in (self.query, self.key, self.value)
        )
        logits = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
        # Of an empty set every weight is set to 0 behind the softmax, which sees a finite row.
        lowest = torch.finfo(logits.dtype).min
        weights = logits.masked_fill(~members, lowest).softmax(-1) * members
        return (weights @ value).transpose(0, 1).flatten(1)


class GraphBlock(nn.Module):
    """One block: long range by attention, local by convolution."""

    def __init__(self, config: SpadeConfig) -> None:
        super().__init__()
        dim = config.dim
        self.near, self.far = (MemberAttention(dim, config.heads) for _ in range(2))
        self.fusion = nn.Sequential(nn.Linear(3 * dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.fusion_norm = nn.LayerNorm(dim)
        self.convolution = nn.Linear(dim, dim)
        self.convolution_norm = nn.LayerNorm(dim)

    def forward(
        self, nodes: Float[Tensor, "node dim"], graph: Bool[Tensor, "node node"]
    ) -> Float[Tensor, "node dim"]:
        own = torch.eye(len(nodes), dtype=torch.bool, device=nodes.device)
        others = ~(graph | own)
        nodes = nodes + self.near(nodes, graph) + self.far(nodes, others)
        seen = torch.cat((nodes, mean_of(nodes, graph), mean_of(nodes, others)), dim=-1)
        nodes = self.fusion_norm(nodes + self.fusion(seen))
        local = self.convolution(mean_of(nodes, graph | own)).relu()
        return self.convolution_norm(nodes + local)


class RelationGraphTransformer(nn.Module):
    """All blocks; they see the same graph."""

    def __init__(self, config: SpadeConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(GraphBlock(config) for _ in range(config.rgt_layers))

    def forward(
        self, nodes: Float[Tensor, "node dim"], graph: Bool[Tensor, "node node"]
    ) -> Float[Tensor, "node dim"]:
        """Return what the nodes know of each other.

        Args:
            graph: see `psg_ros.network.spade.spatial_graph`.
        """
        for block in self.blocks:
            nodes = block(nodes, graph)
        return nodes


def mean_of(
    nodes: Float[Tensor, "node dim"], members: Bool[Tensor, "node node"]
) -> Float[Tensor, "node dim"]:
    """Return the mean of each node's set; 0 of an empty one."""
    shares = members.to(nodes)
    return shares @ nodes / shares.sum(1, keepdim=True).clamp(min=1)
