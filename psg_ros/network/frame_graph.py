# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fused network for a processor that runs a frame as one graph captured beforehand.

Beside what is exported, masks compete again at the size of the network input, so that they need not
come to the host for it; and the neck of a network that prunes is packed into rows of fixed number.
No shape depends on what is in the picture, and nothing is asked of the host.
"""

from typing import cast

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from psg_ros.network.dsflash import DsFlash
from psg_ros.network.fixed_packing import NUM_EXTRA, FixedPackedRelations
from psg_ros.network.fused import FUSED_NAMES, FusedGraph, best_label

INPUTS = FUSED_NAMES[0]
MASKS, ROWS_NEEDED = "mask_logits", "rows_needed"
OUTPUTS = (
    "class_logits", "segment_of", "segment_map", "input_map", "forward_logits", "backward_logits",
    ROWS_NEEDED, MASKS,
)  # fmt: skip
"""Masks come last: they usually stay where they are, so that the others are one block to copy."""

LEAST_ROOM = 2048
"""Rows of the smallest list; each larger one has twice the room."""


class FrameGraph(FusedGraph):
    """See `FusedGraph`.

    Attributes:
        packed: the relation stage over packed rows; None: this network computes every cell.
        rooms: how many rows the list may have, ascending; the last does for any picture. Empty
            where nothing is packed.
    """

    def __init__(self, model: DsFlash, is_thing: list[bool], num_slots: int) -> None:
        super().__init__(model, is_thing, num_slots)
        self.input_hw = model.config.segmenter.input_hw
        self.mask_stride = model.config.segmenter.mask_stride
        self.packed: FixedPackedRelations | None = None
        self.rooms: list[int] = []
        if self.relations.prune:
            rows, columns = self.relations.grid_hw
            most = self.pairs.shape[1] * (rows * columns + NUM_EXTRA)
            self.rooms = _doubling(LEAST_ROOM, most)
            self.packed = FixedPackedRelations(self.relations, self.rooms[0])

    def forward(  # type: ignore[override]
        self,
        image: UInt8[Tensor, "1 h w 3"],
        thresholds: Float[Tensor, "2"],
        content_hw: Int[Tensor, "2"],
        row_edges: Float[Tensor, " row_edge"],
        column_edges: Float[Tensor, " column_edge"],
    ) -> tuple[Tensor, ...]:
        """Return the tensors of `OUTPUTS`; see `FusedGraph.forward`.

        `input_map` is the segment map again, UInt8[Tensor, "h w"], where the same slots compete at
        the size of the network input. `rows_needed` is an integer: where it is above `packed.room`,
        the logits of pairs are worth nothing. Of a network that prunes, those of pairs with an
        empty slot never are.
        """
        classes, segment_of, segment_map, masks, pairs = self.until_pairs(
            image, thresholds, content_hw, row_edges, column_edges
        )
        if self.packed is None:
            forward_logits, backward_logits = self.relations(*pairs)
            needed = segment_of.new_zeros(())
        else:
            tokens, subject, other, boxes = pairs
            related = self.related(segment_of).to(subject.dtype)[:, None]
            forward_logits, backward_logits, needed = self.packed(
                tokens, subject * related, other * related, boxes
            )
        return (
            classes,
            segment_of,
            segment_map,
            self.compete_again(classes, masks, segment_of, thresholds),
            forward_logits,
            backward_logits,
            needed,
            masks,
        )

    def related(self, segment_of: Int[Tensor, " slot"]) -> Bool[Tensor, " pair"]:
        """Return which pairs are of two segments. Nobody reads the others: they need no cells."""
        is_segment = segment_of == self.slots
        first, second = self.pairs.unbind()
        return is_segment.index_select(0, first) & is_segment.index_select(0, second)

    def compete_again(
        self,
        classes: Float[Tensor, "slot label"],
        masks: Float[Tensor, "slot h4 w4"],
        segment_of: Int[Tensor, " slot"],
        thresholds: Float[Tensor, "2"],
    ) -> UInt8[Tensor, "h w"]:
        """Return the segment of each px of the network input; see `ops.panoptic.compete`."""
        scores, _ = best_label(classes)
        large = functional.interpolate(
            masks[None], self.input_hw, mode="bilinear", align_corners=False
        )[0]
        kept = scores > thresholds[0]
        # What is not kept wins nothing: where nobody else does, its segment is "none" anyway.
        shares = torch.where(kept, scores, -1)[:, None, None] * large.sigmoid()
        winner = shares.argmax(dim=0, keepdim=True)
        owner = segment_of.index_select(0, winner.flatten()).view_as(winner)
        inside = large.gather(0, winner) >= 0
        return torch.where(inside, owner, len(self.slots)).to(torch.uint8)[0]


def room_for(rooms: list[int], needed: int) -> int:
    """Return the smallest room with a quarter to spare, so that a stream rarely outgrows it."""
    wanted = needed + needed // 4
    return next((room for room in rooms if room >= wanted), cast(int, rooms[-1]))


def _doubling(least: int, most: int) -> list[int]:
    rooms = [min(least, most)]
    while rooms[-1] < most:
        rooms.append(min(2 * rooms[-1], most))
    return rooms
