# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DSFlash: joins the segmenter and the relation stage.

Source: "DSFlash", CVPR 2026. Taps of the frozen backbone are concatenated on the channels and
embedded once per image; per pair only the mask embedding differs.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.mask_embedding import MaskEmbedding, kept_cells
from psg_ros.network.neck import Neck
from psg_ros.network.relation_head import RelationHead
from psg_ros.network.segmenter import Segmenter
from psg_ros.network.segmenter_config import SegmenterConfig
from psg_ros.network.segmenters.table import build_segmenter


class TapEmbedding(nn.Module):
    """Features of the segmenter -> one token per relation cell.

    Maps finer than the coarsest are averaged onto its grid, whose cells are the patches; there all
    are joined. The convolution has kernel = stride and no padding: rows and columns of patches that
    do not fill a cell are unused (40 patches give 13 cells of 3).

    Attributes:
        shapes: cells and width of each feature map.
    """

    def __init__(self, segmenter: SegmenterConfig, relations: RelationConfig) -> None:
        super().__init__()
        maps, projected = segmenter.feature_maps, relations.tap_projection
        self.grid_hw = segmenter.grid_hw
        self.factors = [segmenter.stride // stride for stride, _ in maps]
        grids = [feature_map.grid_hw(segmenter.input_hw) for feature_map in maps]
        self.shapes = [(h * w, one.width) for (h, w), one in zip(grids, maps, strict=True)]
        self.norms = nn.ModuleList(
            nn.LayerNorm(width) if relations.tap_norm == "layernorm" else nn.Identity()
            for _, width in maps
        )
        self.projections = nn.ModuleList(
            nn.Linear(width, projected) if projected else nn.Identity() for _, width in maps
        )
        cell, widths = relations.cell_patches, [projected or width for _, width in maps]
        self.embed = nn.Conv2d(sum(widths), relations.dim, cell, stride=cell)

    def forward(
        self, features: Sequence[Float[Tensor, "batch position width"]]
    ) -> Float[Tensor, "batch cell dim"]:
        """Return the tokens of the image, from the features of `SegmenterOutput`."""
        patches = [self.pool(one, k) for one, k in zip(features, self.factors, strict=True)]
        layers = zip(self.norms, self.projections, patches, strict=True)
        joined = torch.cat([project(norm(tokens)) for norm, project, tokens in layers], dim=-1)
        grid = joined.transpose(1, 2).unflatten(2, self.grid_hw)
        return self.embed(grid).flatten(2).transpose(1, 2)

    def pool(
        self, tokens: Float[Tensor, "batch position width"], factor: int
    ) -> Float[Tensor, "batch patch width"]:
        """Return the mean of the `factor` x `factor` positions of every patch."""
        if factor == 1:
            return tokens
        fine_hw = (self.grid_hw[0] * factor, self.grid_hw[1] * factor)
        fine = tokens.transpose(1, 2).unflatten(2, fine_hw)
        return functional.avg_pool2d(fine, factor).flatten(2).transpose(1, 2)


class RelationStage(nn.Module):
    """Everything behind the segmenter's features: what stage 2 of training learns."""

    def __init__(self, config: ModelConfig, num_predicates: int) -> None:
        super().__init__()
        segmenter, relations = config.segmenter, config.relations
        cell = relations.cell_patches
        self.prune = relations.prune
        self.grid_hw = (segmenter.grid_hw[0] // cell, segmenter.grid_hw[1] // cell)
        self.cell_px = (cell * segmenter.stride, cell * segmenter.stride)
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
    """The whole network; `segmenter` and `relations` are trained one after the other.

    Args:
        segmenter: a network of `config.segmenter`.
    """

    def __init__(self, config: ModelConfig, segmenter: Segmenter, num_predicates: int) -> None:
        super().__init__()
        self.config = config
        self.segmenter = segmenter
        self.relations = RelationStage(config, num_predicates)


def build_dsflash(config: ModelConfig, num_labels: int, num_predicates: int) -> DsFlash:
    """Return the network that a config describes, with random weights."""
    return DsFlash(config, build_segmenter(config.segmenter, num_labels), num_predicates)
