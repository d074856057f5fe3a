# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The packed neck with fixed shapes: for a CUDA graph, which can neither grow nor ask the host.

As `packed_neck`, the kept tokens of all pairs form one list of rows, but the list has room for a
fixed number of them. Attention runs within each pair: by torch's varlen attention where the device
has it, elsewhere over all cells of a pair with the pruned ones masked. The result says how many
rows were needed: where that is more than there is room for, the logits are worth nothing, and the
caller has to compute the picture again with more room.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.dsflash import RelationStage, swap_boxes
from psg_ros.network.mask_embedding import kept_cells
from psg_ros.network.neck import NeckBlock

NUM_EXTRA = 2
"""Class and location token, which stand before the cells and are never pruned."""

HAS_VARLEN = find_spec("torch.nn.attention.varlen") is not None
LARGEST_HEAD, FLASH_SINCE = 256, (8, 0)
"""Numbers of a head, and compute capability, that flash attention is written for."""


@dataclass(frozen=True)
class FixedRows:
    """Where the tokens of each pair lie in a list of `room` rows, pair after pair.

    Attributes:
        pair, slot: of each row; a slot is 0 class token, 1 location token, 2 + cell. Of rows that
            are not used, any.
        starts: first row of each pair, and the end of the last.
        row_of: row of each token; any for one that is pruned.
        kept: False for tokens that are pruned.
        needed: rows that all kept tokens take; more than `room`: some have none.
    """

    pair: Int[Tensor, " room"]
    slot: Int[Tensor, " room"]
    starts: Int[Tensor, " pair_1"]
    row_of: Int[Tensor, "pair token"]
    kept: Bool[Tensor, "pair token"]
    needed: Int[Tensor, ""]


def lay_out(keep: Bool[Tensor, "pair cell"], room: int) -> FixedRows:
    """Give every kept token a row; all shapes follow from the arguments' shapes alone."""
    kept = functional.pad(keep, (NUM_EXTRA, 0), value=True)
    ends = kept.sum(dim=1).cumsum(0)
    flat = kept.flatten()
    row_of = (flat.cumsum(0) - 1).clamp(max=room - 1)
    # What is pruned goes to a row behind the last, which is cut off.
    target = torch.where(flat & (flat.cumsum(0) <= room), row_of, room)
    tokens = torch.arange(len(flat), device=keep.device)
    place = tokens.new_zeros(room + 1).scatter(0, target, tokens)[:room]
    return FixedRows(
        pair=place // kept.shape[1],
        slot=place % kept.shape[1],
        starts=functional.pad(ends, (1, 0)).clamp(max=room).to(torch.int32),
        row_of=row_of.view(kept.shape),
        kept=kept,
        needed=ends[-1],
    )


class FixedPackedRelations(nn.Module):
    """A relation stage whose neck runs over packed rows of fixed number.

    Args:
        room: rows of the list, for all pairs together.
    """

    def __init__(self, stage: RelationStage, room: int) -> None:
        super().__init__()
        self.stage, self.room = stage, room

    def forward(
        self,
        patch_tokens: Float[Tensor, "1 cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
        boxes: Float[Tensor, "pair 8"],
    ) -> tuple[Float[Tensor, "pair column"], Float[Tensor, "pair column"], Int[Tensor, ""]]:
        """Return the logits of both directions, and how many rows the pairs need."""
        packing = lay_out(kept_cells(subject_overlap, object_overlap), self.room)
        overlaps, head = (subject_overlap, object_overlap), self.stage.head
        vectors = self.pair_vectors(packing, patch_tokens, *overlaps, boxes)
        if head.bidirectional:
            return *head(vectors), packing.needed
        # A cell is kept for either of the two, so the other direction has the same rows.
        swapped = self.pair_vectors(packing, patch_tokens, *overlaps[::-1], swap_boxes(boxes))
        return head.mlp(vectors), head.mlp(swapped), packing.needed

    def pair_vectors(
        self,
        packing: FixedRows,
        patch_tokens: Float[Tensor, "1 cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
        boxes: Float[Tensor, "pair 8"],
    ) -> Float[Tensor, "pair dim"]:
        """Return the class token of every pair, before the head."""
        neck, slot = self.stage.neck, packing.slot[:, None]
        cell = (packing.slot - NUM_EXTRA).clamp(min=0)
        tokens = self.stage.mask_embedding(
            patch_tokens[:, cell],
            subject_overlap[packing.pair, cell][None],
            object_overlap[packing.pair, cell][None],
        )[0]
        location = neck.location(boxes)[packing.pair]
        rows = torch.where(
            slot == 1, location, torch.where(slot == 0, neck.class_embedding, tokens)
        )
        code = functional.pad(neck.position, (0, 0, NUM_EXTRA, 0))[packing.slot].to(rows.dtype)
        *inner, last = cast(list[NeckBlock], list(neck.blocks))
        for index, block in enumerate(inner):
            rows = rows + code if neck.adds_position(index) else rows
            rows = rows + _attend(block, rows, packing, of_class=False)
            rows = rows + block.mlp(block.norm2(rows))
        rows = rows + code if neck.adds_position(len(inner)) else rows
        first = rows[packing.starts[:-1].clamp(max=self.room - 1)]
        first = first + _attend(last, rows, packing, of_class=True)
        return first + last.mlp(last.norm2(first))


def _attend(
    block: NeckBlock, rows: Float[Tensor, "room dim"], packing: FixedRows, *, of_class: bool
) -> Float[Tensor, "query dim"]:
    """Return self-attention within each pair: of every row, or of the class tokens alone."""
    attention, normed = block.attention, block.norm1(rows)
    asking = normed[packing.starts[:-1].clamp(max=len(rows) - 1)] if of_class else normed
    query, key, value = (
        proj(tokens).unflatten(-1, (attention.num_heads, -1))
        for proj, tokens in (
            (attention.q_proj, asking),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    attend = _varlen if has_varlen(query) else _padded
    return attention.out_proj(attend(query, key, value, packing, of_class).flatten(1))


def has_varlen(query: Tensor) -> bool:
    """Return whether torch has varlen attention for float [row, head, size] where they lie.

    It is flash attention, which not every build of torch has, and no GPU before Ampere.
    """
    is_narrow = query.dtype in (torch.float16, torch.bfloat16) and query.shape[-1] % 8 == 0
    if not (query.is_cuda and is_narrow and query.shape[-1] <= LARGEST_HEAD):
        return False
    built = HAS_VARLEN and torch.backends.cuda.is_flash_attention_available()
    return built and torch.cuda.get_device_capability(query.device) >= FLASH_SINCE


def _varlen(
    query: Tensor, key: Tensor, value: Tensor, packing: FixedRows, of_class: bool
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    longest = packing.kept.shape[1]
    queries = packing.starts
    if of_class:
        queries = torch.arange(len(packing.starts), device=query.device, dtype=torch.int32)
    mixed = varlen_attn(
        query, key, value, queries, packing.starts, 1 if of_class else longest, longest
    )
    return cast(Tensor, mixed)


def _padded(
    query: Tensor, key: Tensor, value: Tensor, packing: FixedRows, of_class: bool
) -> Tensor:
    key, value = (rows[packing.row_of].transpose(1, 2) for rows in (key, value))
    mask = packing.kept[:, None, None]
    asking = query[:, None] if of_class else query[packing.row_of]
    mixed = functional.scaled_dot_product_attention(
        asking.transpose(1, 2), key, value, attn_mask=mask
    ).transpose(1, 2)
    return mixed[:, 0] if of_class else mixed[packing.pair, packing.slot]
