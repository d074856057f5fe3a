# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pruning, and the neck run over the kept tokens of all pairs at once.

Source: DSFlash (CVPR 2026) prunes cells that neither segment overlaps. Here the kept tokens of all
pairs form one list of rows: linear layers, norms and GELU run once over it, attention runs per
bucket of pairs of similar length. The sum of rows grows with the number of segments, not with its
square. Equals the neck with the pruned tokens masked.
"""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from psg_ros.network.dsflash import RelationStage
from psg_ros.network.layers import Attention
from psg_ros.network.mask_embedding import kept_cells
from psg_ros.network.neck import Neck, NeckBlock

WIDTH_STEP = 16
"""Bucket widths are multiples of this: at most 15 padded tokens a pair, few attention calls."""
NUM_EXTRA = 2
"""Class and location token, which stand before the cells and are never pruned."""


@dataclass(frozen=True)
class Bucket:
    """Consecutive pairs of the list that share one attention call.

    Attributes:
        rows: row of each padded token; padding repeats a row of the list.
        valid: False for padding.
    """

    rows: Int[Tensor, "pair width"]
    valid: Bool[Tensor, "pair width"]


@dataclass(frozen=True)
class Packing:
    """Where the tokens of each pair lie in the list of rows; shorter pairs come first.

    Attributes:
        pair: pair of each row.
        slot: what each row is: 0 class token, 1 location token, 2 + cell.
        order: pairs in the order of the list.
        buckets: in the order of the list.
    """

    pair: Int[Tensor, " row"]
    slot: Int[Tensor, " row"]
    order: Int[Tensor, " pair"]
    buckets: tuple[Bucket, ...]


def pack(keep: Bool[Tensor, "pair cell"]) -> Packing:
    """Lay out the kept cells of every pair behind its class and location token."""
    kept = functional.pad(keep, (NUM_EXTRA, 0), value=True)
    lengths, order = kept.sum(dim=1).sort(stable=True)
    place, slot = kept[order].nonzero(as_tuple=True)
    widths = (lengths + WIDTH_STEP - 1) // WIDTH_STEP * WIDTH_STEP
    distinct, counts = widths.unique_consecutive(return_counts=True)
    starts = lengths.cumsum(0) - lengths
    groups = zip(starts.split(counts.tolist()), lengths.split(counts.tolist()), strict=True)
    buckets = (
        make_bucket(start, length, width, len(slot))
        for (start, length), width in zip(groups, distinct.tolist(), strict=True)
    )
    return Packing(order[place], slot, order, tuple(buckets))


def make_bucket(
    starts: Int[Tensor, " pair"], lengths: Int[Tensor, " pair"], width: int, num_rows: int
) -> Bucket:
    """Return the bucket of pairs whose tokens start at the given rows."""
    offset = torch.arange(width, device=starts.device)
    rows = (starts[:, None] + offset).clamp(max=num_rows - 1)
    return Bucket(rows, offset < lengths[:, None])


def packed_pair_vectors(
    stage: RelationStage,
    patch_tokens: Float[Tensor, "image cell dim"],
    image: Int[Tensor, " pair"],
    subject_overlap: Float[Tensor, "pair cell"],
    object_overlap: Float[Tensor, "pair cell"],
    boxes: Float[Tensor, "pair 8"],
) -> Float[Tensor, "pair dim"]:
    """Return the class token of every pair, pruned, before the head.

    Args:
        image: which image each pair is of, so that images with different numbers of segments share
            one list.
        subject_overlap, object_overlap, boxes: see `RelationStage.forward`.
    """
    if not len(image):
        return patch_tokens.new_zeros(0, patch_tokens.shape[2])
    packing = pack(kept_cells(subject_overlap, object_overlap))
    is_cell = packing.slot >= NUM_EXTRA
    pair, cell = packing.pair[is_cell], packing.slot[is_cell] - NUM_EXTRA
    tokens = stage.mask_embedding(
        patch_tokens[image[pair], cell][None],
        subject_overlap[pair, cell][None],
        object_overlap[pair, cell][None],
    )[0]
    rows = tokens.new_empty(len(is_cell), tokens.shape[1])
    rows[is_cell] = tokens
    rows[packing.slot == 0] = stage.neck.class_embedding.to(rows.dtype)
    rows[packing.slot == 1] = stage.neck.location(boxes[packing.order]).to(rows.dtype)
    return packed_neck(stage.neck, rows, packing)


def packed_neck(
    neck: Neck, rows: Float[Tensor, "row dim"], packing: Packing
) -> Float[Tensor, "pair dim"]:
    """Run a neck over packed rows; returns the class tokens in the order of the pairs."""
    code = functional.pad(neck.position, (0, 0, NUM_EXTRA, 0))[packing.slot]
    blocks = cast(list[NeckBlock], list(neck.blocks))
    for index, block in enumerate(blocks):
        rows = rows + code if neck.adds_position(index) else rows
        if index < len(blocks) - 1:
            rows = rows + packed_attention(block.attention, block.norm1(rows), packing)
            rows = rows + block.mlp(block.norm2(rows))
    last = packed_class_tokens(blocks[-1], rows, packing)
    return torch.empty_like(last).index_copy(0, packing.order, last)


def packed_attention(
    attention: Attention, rows: Float[Tensor, "row dim"], packing: Packing
) -> Float[Tensor, "row dim"]:
    """Return self-attention within each pair."""
    query, key, value = (
        proj(rows).unflatten(-1, (attention.num_heads, -1))
        for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    mixed = [
        attend(query[bucket.rows], key[bucket.rows], value[bucket.rows], bucket.valid)[bucket.valid]
        for bucket in packing.buckets
    ]
    return attention.out_proj(torch.cat(mixed).flatten(1))


def packed_class_tokens(
    block: NeckBlock, rows: Float[Tensor, "row dim"], packing: Packing
) -> Float[Tensor, "pair dim"]:
    """Return the class tokens after a block, in the order of the list."""
    normed, attention, is_class = block.norm1(rows), block.attention, packing.slot == 0
    query, key, value = (
        proj(tokens).unflatten(-1, (attention.num_heads, -1))
        for proj, tokens in (
            (attention.q_proj, normed[is_class]),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    queries = query[:, None].split([len(bucket.rows) for bucket in packing.buckets])
    mixed = [
        attend(query, key[bucket.rows], value[bucket.rows], bucket.valid)
        for query, bucket in zip(queries, packing.buckets, strict=True)
    ]
    first = rows[is_class] + attention.out_proj(torch.cat(mixed).flatten(1))
    return first + block.mlp(block.norm2(first))


def attend(
    query: Float[Tensor, "pair query head size"],
    key: Float[Tensor, "pair width head size"],
    value: Float[Tensor, "pair width head size"],
    valid: Bool[Tensor, "pair width"],
) -> Float[Tensor, "pair query head size"]:
    """Attend within each pair of a bucket; padding is not looked at."""
    query, key, value = (tokens.transpose(1, 2) for tokens in (query, key, value))
    mask = valid[:, None, None]
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return mixed.transpose(1, 2)
