# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the configs of segmenters on a backbone with four maps have in common. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from psg_ros.network.segmenter_config import FeatureMap, SegmenterConfig
from psg_ros.network.segmenters.backbones.config import BackboneConfig, SwinConfig, backbone_class
from psg_ros.setting_fields import checked, chosen_by_type

COARSEST_STRIDE, MASK_STRIDE = 32, 4


@dataclass(frozen=True)
class PyramidConfig(SegmenterConfig):
    """Base of the configs of such segmenters. The relation stage reads their mask features.

    Attributes:
        backbone: of the class that its `type` names.
        dim: channels of the mask features and of the queries.
        num_heads: of attention.
        feature_stride: px of a cell of the features: the mask features, averaged onto this grid.
    """

    input_hw: tuple[int, int] = (800, 1344)
    num_queries: int = checked(100, minimum=1)
    backbone: BackboneConfig = chosen_by_type(SwinConfig(), backbone_class)
    dim: int = checked(256, minimum=1)
    num_heads: int = checked(8, minimum=1)
    feature_stride: int = checked(16, minimum=MASK_STRIDE, maximum=COARSEST_STRIDE)

    own_settings = ("backbone_rate",)
    undecided: ClassVar[tuple[str, ...]] = ("feature_stride",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % self.num_heads:
            raise ValueError(f"dim {self.dim} must split into {self.num_heads} heads (num_heads)")
        if COARSEST_STRIDE % self.feature_stride or self.feature_stride % MASK_STRIDE:
            raise ValueError(f"feature_stride must be 4, 8, 16 or 32, not {self.feature_stride}")

    @property
    def mask_stride(self) -> int:
        return MASK_STRIDE

    @property
    def mask_width(self) -> int:
        return self.dim

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        return (FeatureMap(self.feature_stride, self.dim),)

    @property
    def input_step(self) -> int:
        return COARSEST_STRIDE
