# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Token merging: similar patch tokens are averaged before attention and copied back after.

Source: Bolya and Hoffman, "Token Merging for Fast Stable Diffusion", 2023 (ToMe-SD), with its
deterministic choice of destinations, as DSFlash (CVPR 2026) puts it in front of attention.
Differences, because the network is EoMT: only patch tokens merge, never queries and prefix tokens;
merged tokens need a rotary code, on which neither source has a word. Merging is written as matrix
product and gathers of fixed sizes, so that it exports to ONNX.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from psg_ros.network.kept_tables import kept
from psg_ros.network.layers import Attention

CELL = 2
"""Side in patches of the square that has one destination, its top-left patch (ToMe-SD)."""


@dataclass(frozen=True)
class MergePlan:
    """Which patch tokens merge, chosen again in every block.

    The merged list holds the kept sources, then the destinations.

    Attributes:
        kept: int64 [batch, kept]; patches in the merged list, in its order.
        assignment: float [batch, destination, source]; 1 where a source merges into a destination.
        origin: int64 [batch, patch]; row of the merged list that each patch reads afterwards.
    """

    kept: Int[Tensor, "batch kept"]
    assignment: Float[Tensor, "batch destination source"]
    origin: Int[Tensor, "batch patch"]


def roles(grid_hw: tuple[int, int]) -> tuple[Tensor, ...]:
    """Return sources, destinations and places of a grid; see `TokenMerging`."""
    height, width = grid_hw
    # A left-over row or column is not a whole square: its patches are sources (ToMe-SD).
    destinations = [
        top * width + left
        for top in range(0, height - CELL + 1, CELL)
        for left in range(0, width - CELL + 1, CELL)
    ]
    sources = sorted(set(range(height * width)) - set(destinations))
    places = {patch: place for place, patch in enumerate(sources + destinations)}
    place = [places[patch] for patch in sorted(places)]
    return tuple(torch.tensor(patches) for patches in (sources, destinations, place))


kept_roles = kept(roles)


class TokenMerging:
    """Merging for one patch grid and one ratio.

    Args:
        ratio: share of the patches to merge away, 0..1; at most the sources, which are three
            quarters of an even grid.
        rope: which rotary code a destination has: `own`, that of its own patch, or `mean`, the mean
            of the tables of all patches in it: a mean of rotations, so its length falls below 1 the
            farther these lie apart.

    Attributes:
        sources, destinations: int64; patches that may merge, and those they may merge into.
        place: int64 [patch]; place of each patch in the list of sources, then destinations.
        num_merged: how many sources merge.
    """

    def __init__(
        self, grid_hw: tuple[int, int], ratio: float, device: torch.device, rope: str = "own"
    ) -> None:
        self.sources, self.destinations, self.place = kept_roles(device, grid_hw)
        self.num_merged = min(int(len(self.place) * ratio), len(self.sources))
        self.rope = rope

    def plan(self, patches: Float[Tensor, "batch patch dim"]) -> MergePlan:
        """Match sources with destinations by cosine; the most similar sources merge."""
        unit = patches / patches.norm(dim=-1, keepdim=True)
        destinations = unit.index_select(1, self.destinations)
        similarity = unit.index_select(1, self.sources) @ destinations.transpose(1, 2)
        best, partner = similarity.max(dim=-1)
        count = best.shape[1]
        order = best.topk(count, dim=1).indices
        # Sorting a permutation inverts it.
        rank = order.topk(count, dim=1, largest=False).indices
        merges = rank < self.num_merged
        num_unmerged = count - self.num_merged
        row = torch.where(merges, partner + num_unmerged, rank - self.num_merged)
        own = torch.arange(len(self.destinations), device=row.device)
        rows = torch.cat((row, (own + num_unmerged).expand(len(row), -1)), dim=1)
        unmerged = self.sources.expand(len(row), -1).gather(1, order[:, self.num_merged :])
        return MergePlan(
            kept=torch.cat((unmerged, self.destinations.expand(len(row), -1)), dim=1),
            assignment=((partner[:, None] == own[:, None]) & merges[:, None]).to(patches.dtype),
            origin=rows.index_select(1, self.place),
        )

    def merge(
        self, patches: Float[Tensor, "batch patch dim"], plan: MergePlan
    ) -> Float[Tensor, "batch kept dim"]:
        """Return the kept sources and the destinations, averaged with what merged into them."""
        num_unmerged = plan.kept.shape[1] - len(self.destinations)
        unmerged = gather_tokens(patches, plan.kept[:, :num_unmerged])
        total = patches.index_select(1, self.destinations) + (
            plan.assignment @ patches.index_select(1, self.sources)
        )
        merged = total / (1 + plan.assignment.sum(dim=-1, keepdim=True))
        return torch.cat((unmerged, merged), dim=1)

    def unmerge(
        self, merged: Float[Tensor, "batch kept dim"], plan: MergePlan
    ) -> Float[Tensor, "batch patch dim"]:
        """Return one token per patch; a merged source gets a copy of its destination."""
        return gather_tokens(merged, plan.origin)

    def attend(
        self,
        attention: Attention,
        tokens: Float[Tensor, "batch token dim"],
        normed: Float[Tensor, "batch token dim"],
        rope: tuple[Tensor, Tensor] | None,
    ) -> Float[Tensor, "batch token dim"]:
        """Return the attention of a block over merged tokens, for all tokens.

        Args:
            tokens: input of the block, by which patches are matched; the patches stand last.
            normed: input of the attention.
        """
        num_prefix = tokens.shape[1] - len(self.place)
        plan = self.plan(tokens[:, num_prefix:])
        merged = self.merge(normed[:, num_prefix:], plan)
        kept_rope = rope and (self.kept_table(rope[0], plan), self.kept_table(rope[1], plan))
        mixed = attention(torch.cat((normed[:, :num_prefix], merged), dim=1), kept_rope)
        patches = self.unmerge(mixed[:, num_prefix:], plan)
        return torch.cat((mixed[:, :num_prefix], patches), dim=1)

    def kept_table(
        self, table: Float[Tensor, "patch size"], plan: MergePlan
    ) -> Float[Tensor, "batch 1 kept size"]:
        """Return a table of the rotary code for the merged list."""
        if self.rope == "own":
            return functional.embedding(plan.kept, table)[:, None]
        tables = table.to(plan.assignment.dtype).expand(len(plan.kept), -1, -1)
        return self.merge(tables, plan)[:, None]


def gather_tokens(
    tokens: Float[Tensor, "batch token dim"], index: Int[Tensor, "batch row"]
) -> Float[Tensor, "batch row dim"]:
    """Return the tokens of each batch entry at the given rows."""
    return tokens.gather(1, index[:, :, None].expand(-1, -1, tokens.shape[2]))
