# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and variants of YOSO. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psg_ros.network.segmenter_config import ExportNeeds
from psg_ros.network.segmenters.backbones.config import (
    BackboneConfig,
    ResNetConfig,
    backbone_class,
)
from psg_ros.network.segmenters.pyramid_config import COARSEST_STRIDE, PyramidConfig
from psg_ros.setting_fields import checked, chosen_by_type

ATTENTIONS = ("sdca", "mhca", "dca", "ddca", "pdca")
"""Kinds of attention, see `psg_ros.network.segmenters.yoso.attention`."""
AGGREGATIONS = ("cfa", "ifa")
"""Ways to join the maps, see `psg_ros.network.segmenters.yoso.aggregation`."""
DEFORMABLE = ("grid_sample", "deform_conv")
LEAST_NORMED = 2
"""Cells of the coarsest map: of one cell, a norm of a batch of one would leave nothing."""


@dataclass(frozen=True)
class YosoConfig(PyramidConfig):
    """YOSO; the defaults are the published one for COCO, on ResNet-50.

    Attributes:
        dim: channels of the mask features and of the kernels: one for each of the queries.
        neck_width: channels in which the maps are joined.
        aggregation: `cfa` projects every map before it is enlarged, `ifa` after that. Both say the
            same of the same weights, `cfa` sooner.
        deformable: operator that deformable convolutions become in an export: `grid_sample`, which
            every runtime has, or `deform_conv` of opset 19.
        decoder_stages: how often the kernels look at the picture; every time has its own weights.
        attention: by which they look: `sdca` (separable dynamic convolutions), or those that its
            authors compare it with: `mhca` (multi-head attention), `dca` (a whole dynamic
            convolution), `ddca` (its depthwise part), `pdca` (its pointwise part).
        taps: of the dynamic convolution along the channels; odd.
        decoder_hidden: width inside the MLPs.
        class_layers, mask_layers: hidden layers of the heads.
        temperature: class logits are divided by it.
    """

    type: str = field(default="yoso", init=False)
    backbone: BackboneConfig = chosen_by_type(ResNetConfig(), backbone_class)
    neck_width: int = checked(128, minimum=1)
    aggregation: str = checked("cfa", choices=AGGREGATIONS)
    deformable: str = checked("grid_sample", choices=DEFORMABLE)
    decoder_stages: int = checked(2, minimum=1)
    attention: str = checked("sdca", choices=ATTENTIONS)
    taps: int = checked(3, minimum=1)
    decoder_hidden: int = checked(2048, minimum=1)
    class_layers: int = checked(1, minimum=0)
    mask_layers: int = checked(1, minimum=0)
    temperature: float = checked(0.05, above=0)

    switches = ("aggregation", "deformable")
    undecided = ("feature_stride", "aggregation", "deformable")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.taps % 2:
            raise ValueError(f"taps {self.taps} must be odd: one in the middle, as many beside it")
        if any(width % 2 for width in self.backbone.widths):
            widths = ", ".join(map(str, self.backbone.widths))
            raise ValueError(f"the backbone's widths must be even, for the neck; not {widths}")

    @property
    def export_needs(self) -> ExportNeeds:
        """See `SegmenterConfig`: OpenVINO does not read DeformConv."""
        if self.deformable == "deform_conv":
            return ExportNeeds(opset=19, backend="onnxruntime")
        return ExportNeeds()

    @property
    def lateral_widths(self) -> tuple[int, ...]:
        """Return the channels of the maps behind the backbone, coarsest first: half of its own."""
        return tuple(width // 2 for width in reversed(self.backbone.widths))

    def check_training(self, settings: Any) -> None:
        """See `SegmenterConfig`: norms need more than one value."""
        for phase in settings.phases:
            cells = phase.input_hw[0] * phase.input_hw[1] // COARSEST_STRIDE**2
            if cells < LEAST_NORMED:
                what = f"larger: of its {cells} cell of {COARSEST_STRIDE} px no norm can be taught"
                raise ValueError(f"input_hw {phase.input_hw} of a phase must be {what}")
