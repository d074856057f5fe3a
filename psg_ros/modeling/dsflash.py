# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DSFlash: joins the segmenter and the relation stage.

Source: «DSFlash», CVPR 2026. Taps of the frozen backbone are concatenated on the channels and
embedded once per image; per pair only the mask embedding differs.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psg_ros.modeling.config import ModelConfig, RelationConfig, SegmenterConfig
from psg_ros.modeling.mask_embedding import MaskEmbedding, kept_cells
from psg_ros.modeling.neck import Neck
from psg_ros.modeling.relation_head import RelationHead
from psg_ros.modeling.segmenters.eomt import Eomt


class TapEmbedding(nn.Module):
    """Tapped patch tokens -> one token per relation cell.

    The convolution has kernel = stride and no padding: rows and columns of patches that do not fill
    a cell are unused (40 patches give 13 cells of 3).
    """

    def __init__(self, segmenter: SegmenterConfig, relations: RelationConfig) -> None:
        super().__init__()
        self.grid_hw = segmenter.grid_hw
        taps, width = segmenter.taps, relations.tap_projection or segmenter.dim
        self.norms = nn.ModuleList(
            nn.LayerNorm(segmenter.dim) if relations.tap_norm == "layernorm" else nn.Identity()
            for _ in taps
        )
        self.projections = nn.ModuleList(
            nn.Linear(segmenter.dim, width) if relations.tap_projection else nn.Identity()
            for _ in taps
        )
        cell = relations.cell_patches
        self.embed = nn.Conv2d(len(taps) * width, relations.dim, cell, stride=cell)

    def forward(
        self, taps: list[Float[Tensor, "batch patch dim"]]
    ) -> Float[Tensor, "batch cell width"]:
        layers = zip(self.norms, self.projections, taps, strict=True)
        joined = torch.cat([project(norm(tap)) for norm, project, tap in layers], dim=-1)
        features = joined.transpose(1, 2).unflatten(2, self.grid_hw)
        return self.embed(features).flatten(2).transpose(1, 2)


class RelationStage(nn.Module):
    """Everything behind the taps: what stage 2 of training learns."""

    def __init__(self, config: ModelConfig, num_predicates: int) -> None:
        super().__init__()
        segmenter, relations = config.segmenter, config.relations
        cell = relations.cell_patches
        self.prune = relations.prune
        self.grid_hw = (segmenter.grid_hw[0] // cell, segmenter.grid_hw[1] // cell)
        self.cell_px = (cell * segmenter.patch_size, cell * segmenter.patch_size)
        self.tap_embedding = TapEmbedding(segmenter, relations)
        self.mask_embedding = MaskEmbedding(relations.dim, relations.background)
        self.neck = Neck(relations, self.grid_hw)
        self.head = RelationHead(relations, num_predicates)

    def pair_vectors(
        self,
        patch_tokens: Float[Tensor, "#pair cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
        boxes: Float[Tensor, "pair 8"],
    ) -> Float[Tensor, "pair dim"]:
        """Return the class token of every pair, before the head."""
        tokens = self.mask_embedding(patch_tokens, subject_overlap, object_overlap)
        keep = kept_cells(subject_overlap, object_overlap) if self.prune else None
        return self.neck(tokens, boxes, keep)

    def forward(
        self,
        patch_tokens: Float[Tensor, "#pair cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
        boxes: Float[Tensor, "pair 8"],
    ) -> tuple[Float[Tensor, "pair column"], Float[Tensor, "pair column"]]:
        """Return logits subject -> object and object -> subject."""
        vectors = self.pair_vectors(patch_tokens, subject_overlap, object_overlap, boxes)
        if self.head.bidirectional:
            return self.head(vectors)
        swapped = self.pair_vectors(
            patch_tokens, object_overlap, subject_overlap, swap_boxes(boxes)
        )
        return self.head.mlp(vectors), self.head.mlp(swapped)


def swap_boxes(boxes: Float[Tensor, "pair 8"]) -> Float[Tensor, "pair 8"]:
    """Return the boxes of pairs with subject and object exchanged."""
    subject, other = boxes.chunk(2, dim=1)
    return torch.cat((other, subject), dim=1)


class DsFlash(nn.Module):
    """The whole network; `segmenter` and `relations` are trained one after the other."""

    def __init__(self, config: ModelConfig, num_labels: int, num_predicates: int) -> None:
        super().__init__()
        self.config = config
        self.segmenter = Eomt(config.segmenter, num_labels)
        self.relations = RelationStage(config, num_predicates)
