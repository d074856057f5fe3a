# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A second segmenter, complete: a convolutional network with a pyramid of two feature maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from psg_ros.network.segmenter import Segmenter, SegmenterOutput
from psg_ros.network.segmenter_config import FeatureMap, SegmenterConfig
from psg_ros.network.segmenters.table import SegmenterKind

WIDTHS = (8, 12)


@dataclass(frozen=True)
class ToyConfig(SegmenterConfig):
    """Masks of 4 px cells, features of 4 and of 8 px cells."""

    type: str = field(default="toy", init=False)
    mask_stride = 4
    feature_maps = (FeatureMap(4, WIDTHS[0]), FeatureMap(8, WIDTHS[1]))


class Toy(Segmenter):
    """Every query has a mask by its product with the finer map, a class by the mean under it."""

    def __init__(self, config: ToyConfig, num_labels: int) -> None:
        super().__init__(config, num_labels)
        self.fine = nn.Conv2d(3, WIDTHS[0], 4, stride=4)
        self.coarse = nn.Conv2d(WIDTHS[0], WIDTHS[1], 2, stride=2)
        self.queries = nn.Parameter(torch.randn(config.num_queries, WIDTHS[0]))
        self.classes = nn.Linear(sum(WIDTHS), num_labels + 1)

    def maps(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(pixels / 255).relu()
        return fine, self.coarse(fine).relu()

    def encode(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return to_tokens(*self.maps(pixels))

    def forward(self, pixels: Tensor) -> SegmenterOutput:
        fine, coarse = self.maps(pixels)
        masks = torch.einsum("qc,bchw->bqhw", self.queries, fine)
        both = torch.cat((fine, nn.functional.interpolate(coarse, scale_factor=2)), dim=1)
        classes = self.classes(masks.flatten(2).softmax(dim=-1) @ to_tokens(both)[0])
        return SegmenterOutput(classes, masks, to_tokens(fine, coarse))

    def parts_without_features(self) -> list[nn.Module | nn.Parameter]:
        return [self.queries, self.classes]


def to_tokens(*maps: Tensor) -> tuple[Tensor, ...]:
    return tuple(one.flatten(2).transpose(1, 2) for one in maps)


TOY = SegmenterKind(ToyConfig, "toy_segmenter:Toy")
