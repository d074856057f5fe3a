# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera bytes -> scored pairs in one graph, so that nothing goes to the host in between.

The same steps as the two-file form with masks that compete on the raw grid, for at most a fixed
number of queries, written with comparisons and reductions of fixed sizes:
    segmenter   -> the best queries by class score, in the order of the queries ("slots")
    merge       -> every cell goes to the slot of highest score * sigmoid(logit); slots that win too
                   little of their own mask drop out; stuff of one label joins its first slot
                   (the rule of `psg_ros.robot.ops.panoptic`)
    overlap     -> average pooling of each segment's binary mask
    boxes       -> first and last grid line of each segment, looked up in a table from outside
    relations   -> all unordered pairs of slots, the empty ones too: the host leaves those out
Thresholds are inputs. Areas are counted in integers, which half-precision arithmetic leaves alone.

Boxes come from a table of grid lines, not from a scale, because the relation stage measures
segments in pixels of the image: a grid line lies where nearest-neighbour enlarging puts it.
"""

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from psg_ros.network.dsflash import DsFlash
from psg_ros.network.overlap_pooling import pool_masks

FUSED_NAMES = (
    ("image", "thresholds", "content_hw", "row_edges", "column_edges"),
    (
        "class_logits", "segment_of", "segment_map", "mask_logits", "forward_logits",
        "backward_logits",
    ),
)  # fmt: skip
"""Inputs and outputs of `FusedGraph`, in order."""

MAX_SLOTS = 254
"""The segment map has one byte a cell; the number of slots itself stands for "no segment"."""


class FusedGraph(nn.Module):
    """The whole network for one image.

    Args:
        is_thing: of every label; stuff of one label becomes one segment.
        num_slots: at most this many queries are looked at, the best by score; 2 or more.

    Raises:
        ValueError: more slots than queries or than `MAX_SLOTS`, less than 2; labels of another
            number than the network's; or a relation cell that is not of whole mask cells.
    """

    is_thing: Tensor
    slots: Tensor
    pairs: Tensor

    def __init__(self, model: DsFlash, is_thing: list[bool], num_slots: int) -> None:
        super().__init__()
        segmenter, relations = model.config.segmenter, model.relations
        most = min(segmenter.num_queries, MAX_SLOTS)
        if not 2 <= num_slots <= most:
            raise ValueError(f"a fused model needs 2 to {most} segments at most, not {num_slots}")
        num_labels = model.segmenter.num_labels
        if len(is_thing) != num_labels:
            raise ValueError(f"the network knows {num_labels} labels, not {len(is_thing)}")
        self.segmenter, self.relations = model.segmenter, relations
        stride = segmenter.mask_stride
        if any(size % stride for size in relations.cell_px):
            cell = f"relation cells of {relations.cell_px[0]} px"
            raise ValueError(f"a fused model needs {cell} to be whole mask cells of {stride} px")
        self.window_hw = (relations.cell_px[0] // stride, relations.cell_px[1] // stride)
        # The last entry is for "no object", which no slot that counts ever has.
        self.register_buffer("is_thing", torch.tensor([*is_thing, True]), persistent=False)
        self.register_buffer("slots", torch.arange(num_slots, dtype=torch.int32), persistent=False)
        pairs = torch.triu_indices(num_slots, num_slots, offset=1, dtype=torch.int32)
        self.register_buffer("pairs", pairs, persistent=False)

    def forward(
        self,
        image: UInt8[Tensor, "1 h w 3"],
        thresholds: Float[Tensor, "2"],
        content_hw: Int[Tensor, "2"],
        row_edges: Float[Tensor, " row_edge"],
        column_edges: Float[Tensor, " column_edge"],
    ) -> tuple[
        Float[Tensor, "slot label"],
        Int[Tensor, " slot"],
        UInt8[Tensor, "h4 w4"],
        Float[Tensor, "slot h4 w4"],
        Float[Tensor, "pair column"],
        Float[Tensor, "pair column"],
    ]:
        """Return class logits, segment of each slot, segment map, mask logits, pair logits.

        The number of slots stands for "no segment".

        Args:
            thresholds: score and overlap, as in `psg_ros.robot.ops.panoptic.merge`.
            content_hw: cells of the mask grid that the image reaches, from the top-left corner.
            row_edges, column_edges: where the lines of the mask grid lie in the image, in -1..1 of
                the network input, rising. A cell between two equal lines is in no pixel.
        """
        classes, segment_of, segment_map, masks, pairs = self.until_pairs(
            image, thresholds, content_hw, row_edges, column_edges
        )
        forward_logits, backward_logits = self.relations(*pairs)
        # TensorRT makes bytes of floats alone.
        maps = (segment_map.float().to(torch.uint8), masks)
        return classes, segment_of, *maps, forward_logits, backward_logits

    def until_pairs(
        self,
        image: UInt8[Tensor, "1 h w 3"],
        thresholds: Float[Tensor, "2"],
        content_hw: Int[Tensor, "2"],
        row_edges: Float[Tensor, " row_edge"],
        column_edges: Float[Tensor, " column_edge"],
    ) -> tuple[
        Float[Tensor, "slot label"],
        Int[Tensor, " slot"],
        Int[Tensor, "h4 w4"],
        Float[Tensor, "slot h4 w4"],
        tuple[Tensor, Tensor, Tensor, Tensor],
    ]:
        """Return the first four results of `forward`, and the arguments of the relation stage."""
        # The cast comes first: TensorRT takes bytes into a cast and into nothing else.
        class_logits, mask_logits, features = self.segmenter(image.float().permute(0, 3, 1, 2))
        # Half precision may change numbers, but not the rules: the rest compares in float32.
        class_logits, mask_logits = class_logits.float(), mask_logits.float()
        queries = self.best_queries(class_logits[0])
        classes = class_logits[0].index_select(0, queries)
        masks = mask_logits[0].index_select(0, queries)
        scores, labels = best_label(classes)
        segment_of, segment_map = self.merge(scores, labels, masks, thresholds, content_hw)
        segments = (segment_map == self.slots[:, None, None]).to(masks.dtype)
        overlap = pool_masks(segments, self.window_hw, self.relations.grid_hw)
        boxes = segment_boxes(segments, row_edges, column_edges)
        first, second = self.pairs.unbind()
        pairs = (
            self.relations.tap_embedding(features),
            overlap.index_select(0, first),
            overlap.index_select(0, second),
            torch.cat((boxes.index_select(0, first), boxes.index_select(0, second)), dim=1),
        )
        return classes, segment_of, segment_map, masks, pairs

    def best_queries(self, class_logits: Float[Tensor, "query column"]) -> Int[Tensor, " slot"]:
        """Return the query of each slot, ascending."""
        scores, _ = best_label(class_logits)
        count = len(self.slots)
        return scores.topk(count).indices.topk(count, largest=False).values

    def merge(
        self,
        scores: Float[Tensor, " slot"],
        labels: Int[Tensor, " slot"],
        masks: Float[Tensor, "slot h4 w4"],
        thresholds: Float[Tensor, "2"],
        content_hw: Int[Tensor, "2"],
    ) -> tuple[Int[Tensor, " slot"], Int[Tensor, "h4 w4"]]:
        """Return the segment of each slot, named by its first slot, and of each cell."""
        none, slots = len(self.slots), self.slots[:, None, None]
        kept = (scores > thresholds[0])[:, None, None]
        values = torch.where(kept, scores[:, None, None] * masks.sigmoid(), -1)
        winner = values.argmax(dim=0).int()
        won = (winner == slots) & kept & inside_content(masks, content_hw)
        own = (masks >= 0) & inside_content(masks, content_hw)
        painted = won & own
        share = area(won) / area(own).clamp(min=1)
        survives = (area(painted) > 0) & (share >= thresholds[1])
        segment_of = torch.where(survives, self.founders(labels, survives), none)
        segment = segment_of.index_select(0, winner.flatten()).view_as(winner)
        return segment_of, torch.where(painted.any(dim=0), segment, none)

    def founders(
        self, labels: Int[Tensor, " slot"], survives: Bool[Tensor, " slot"]
    ) -> Int[Tensor, " slot"]:
        """Return the first surviving slot of the same stuff; of things, the slot itself."""
        stuff = ~self.is_thing.index_select(0, labels)
        joins = (labels[:, None] == labels) & stuff & survives[:, None]
        joins = joins | (self.slots[:, None] == self.slots)
        return torch.where(joins, self.slots[:, None], len(self.slots)).amin(dim=0)


def best_label(
    class_logits: Float[Tensor, "query column"],
) -> tuple[Float[Tensor, " query"], Int[Tensor, " query"]]:
    """Return score and label; where that is "no object", the score is 0."""
    labels = class_logits.argmax(dim=-1).int()
    scores = class_logits.softmax(dim=-1).amax(dim=-1)
    return torch.where(labels < class_logits.shape[1] - 1, scores, 0), labels


def inside_content(
    masks: Float[Tensor, "slot h4 w4"], content_hw: Int[Tensor, "2"]
) -> Bool[Tensor, "h4 w4"]:
    """Return which cells of the grid the image reaches."""
    rows, columns = (
        torch.arange(size, dtype=torch.int32, device=masks.device) for size in masks.shape[1:]
    )
    return (rows < content_hw[0])[:, None] & (columns < content_hw[1])


def area(cells: Bool[Tensor, "slot h4 w4"]) -> Int[Tensor, " slot"]:
    """Return how many cells each slot has, as an integer."""
    return cells.flatten(1).sum(dim=1, dtype=torch.int32)


def segment_boxes(
    segments: Float[Tensor, "slot h4 w4"],
    row_edges: Float[Tensor, " row_edge"],
    column_edges: Float[Tensor, " column_edge"],
) -> Float[Tensor, "slot 4"]:
    """Return xyxy of binary masks; of those without a visible cell, (1, 1, -1, -1)."""
    seen_rows, seen_columns = (
        (edges[1:] > edges[:-1]).to(segments.dtype) for edges in (row_edges, column_edges)
    )
    seen = segments * seen_rows[:, None] * seen_columns
    left, right = extent(seen.amax(dim=1), column_edges)
    top, bottom = extent(seen.amax(dim=2), row_edges)
    return torch.stack((left, top, right, bottom), dim=1)


def extent(
    touched: Float[Tensor, "slot cell"], edges: Float[Tensor, " edge"]
) -> tuple[Float[Tensor, " slot"], Float[Tensor, " slot"]]:
    """Return the line before the first and the line behind the last touched cell."""
    there = touched > 0
    low = torch.where(there, edges[:-1], 1).amin(dim=1)
    return low, torch.where(there, edges[1:], -1).amax(dim=1)
