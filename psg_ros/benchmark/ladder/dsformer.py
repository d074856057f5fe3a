# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DSFormer, the network that DSFlash starts from: the slow end of the comparison.

Source: DSFormer (same first author), read from its public code. It takes the segments of any
panoptic model and looks at the image a second time through a backbone of its own. Every ordered
pair is a sequence of its own, of four hundred cells and three extra tokens. The mask embedding, the
blocks and the head are those of DSFlash.
"""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.benchmark.ladder.resnet_fpn import ResNetFpn
from psg_ros.network.config import RelationConfig
from psg_ros.network.layers import PIXEL_MEAN, PIXEL_STD
from psg_ros.network.mask_embedding import MaskEmbedding
from psg_ros.network.neck import NeckBlock, sine_code
from psg_ros.network.relation_head import RelationHead

NUM_EXTRA = 3
"""Class, semantic and location token stand before the cells; the sine code passes them by."""


@dataclass(frozen=True)
class DsFormerConfig:
    """Sizes; the defaults are the published network.

    Attributes:
        input_hw: px, multiples of a cell (4 px of the backbone's stride times `patch`).
        patch: side of a cell on the backbone's features (kernel and stride of the embedding).
        background: as in `RelationConfig`; DSFormer's code has both, `sum` by default.
    """

    input_hw: tuple[int, int] = (640, 640)
    dim: int = 384
    depth: int = 6
    num_heads: int = 8
    mlp_ratio: float = 4.0
    patch: int = 8
    background: str = "sum"
    head_hidden: int = 768
    num_labels: int = 133
    num_predicates: int = 56

    def __post_init__(self) -> None:
        side = self.cell_px[0]
        if any(size % side for size in self.input_hw):
            raise ValueError(f"input_hw {self.input_hw} must be multiples of {side} px")

    @property
    def cell_px(self) -> tuple[int, int]:
        """Height and width of a cell on the input: the window of the overlap ratios."""
        return ResNetFpn.stride * self.patch, ResNetFpn.stride * self.patch

    @property
    def grid_hw(self) -> tuple[int, int]:
        return self.input_hw[0] // self.cell_px[0], self.input_hw[1] // self.cell_px[1]

    @property
    def relations(self) -> RelationConfig:
        """The parts shared with DSFlash; one direction per sequence."""
        return RelationConfig(
            dim=self.dim,
            depth=self.depth,
            num_heads=self.num_heads,
            mlp_ratio=self.mlp_ratio,
            head_hidden=self.head_hidden,
            background=self.background,
            split="none",
        )


class DsFormer(nn.Module):
    """Image once, then every ordered pair -> predicate logits; column 0 is "no relation"."""

    position: Tensor
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, config: DsFormerConfig) -> None:
        super().__init__()
        dim, relations = config.dim, config.relations
        self.config = config
        self.grid_hw, self.cell_px = config.grid_hw, config.cell_px
        self.backbone = ResNetFpn()
        self.embed = nn.Conv2d(ResNetFpn.channels, dim, config.patch, stride=config.patch)
        self.mask_embedding = MaskEmbedding(dim, config.background)
        self.class_embedding = nn.Parameter(torch.rand(dim))
        # Two axes of labels, so that a label beyond the table is an error, not its neighbour's row.
        self.semantic = nn.Parameter(torch.randn(config.num_labels, config.num_labels, dim))
        self.location = nn.Sequential(nn.Linear(8, dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim))
        self.blocks = nn.ModuleList(NeckBlock(relations) for _ in range(config.depth))
        self.head = RelationHead(relations, config.num_predicates)
        self.node_head = nn.Linear(dim, 2 * config.num_labels)
        self.register_buffer("position", sine_code(self.grid_hw, dim), persistent=False)
        self.register_buffer("pixel_mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1) * 255, False)
        self.register_buffer("pixel_std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1) * 255, False)

    def features(self, pixels: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch cell dim"]:
        """Return the patch tokens, row-major; pixels are RGB 0..255, of the config's size."""
        level = self.backbone((pixels - self.pixel_mean) / self.pixel_std)
        return self.embed(level).flatten(2).transpose(1, 2)

    def pair_vectors(
        self,
        patch_tokens: Float[Tensor, "1 cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
        boxes: Float[Tensor, "pair 8"],
        labels: Int[Tensor, "pair 2"],
    ) -> Float[Tensor, "pair dim"]:
        """Return the class token of every pair; the arguments are those of `forward`."""
        cells = self.mask_embedding(patch_tokens, subject_overlap, object_overlap)
        semantic, location = self.semantic[labels[:, 0], labels[:, 1]], self.location(boxes)
        start = self.class_embedding.expand_as(location)
        tokens = torch.cat((torch.stack((start, semantic, location), dim=1), cells), dim=1)
        code = functional.pad(self.position, (0, 0, NUM_EXTRA, 0))
        *inner, last = self.blocks
        for block in inner:
            tokens = block(tokens + code)
        return cast(NeckBlock, last).class_token(tokens + code)

    def forward(
        self,
        patch_tokens: Float[Tensor, "1 cell dim"],
        subject_overlap: Float[Tensor, "pair cell"],
        object_overlap: Float[Tensor, "pair cell"],
        boxes: Float[Tensor, "pair 8"],
        labels: Int[Tensor, "pair 2"],
    ) -> Float[Tensor, "pair column"]:
        """Return the logits of subject -> object.

        Args:
            patch_tokens: of one image, from `features`.
            subject_overlap, object_overlap: share of each cell under the segment, 0..1.
            boxes: subject then object, xyxy in -1..1 of the input.
            labels: of subject and object, 0..num_labels-1.
        """
        return self.head.mlp(
            self.pair_vectors(patch_tokens, subject_overlap, object_overlap, boxes, labels)
        )

    def node_logits(
        self, vectors: Float[Tensor, "pair dim"]
    ) -> tuple[Float[Tensor, "pair label"], Float[Tensor, "pair label"]]:
        """Return label logits of subject and object from `pair_vectors`; a task of training."""
        # DSFormer's order: the object comes first.
        other, subject = self.node_head(vectors).chunk(2, dim=1)
        return subject, other
