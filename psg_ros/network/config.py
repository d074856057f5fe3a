# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and variants of the networks. Defaults are DSFlash-S; see config/model/ for the others."""

from dataclasses import dataclass

from psg_ros.network.segmenter_config import SegmenterConfig
from psg_ros.network.segmenters.table import DEFAULT_SEGMENTER, config_class
from psg_ros.robot.manifest import SCALINGS
from psg_ros.setting_fields import check_ranges, checked, chosen_by_type

BACKGROUNDS = ("sum", "onoff")
"""Rules of the mask embedding, see `RelationConfig`."""


@dataclass(frozen=True)
class RelationConfig:
    """DSFlash's relation stage.

    Attributes:
        cell_patches: side of one relation cell in patches (kernel and stride of the embedding). A
            patch is a cell of the segmenter's coarsest feature map.
        tap_norm: `layernorm` on each tap, or `none`.
        tap_projection: width that each tap is brought to by a linear layer before all are joined,
            or 0: taps join as they are. DSFlash's published sizes speak for 0; 192 is the other
            reading, whose four taps always join to 768 channels.
        background: how a cell's overlaps weigh the mask embedding: `sum`, by their shares, the rest
            by a background vector (DSFlash); `onoff`, by 1 wherever a segment reaches, without
            background (DSFormer's option).
        position: the fixed sine code is added to the patch tokens before `every_block`, only before
            the `first`, or before `none`.
        split: how one pair answers both directions: `gate` (g*x and (1-g)*x), `two_linear`
            projections, or `none`: each order goes through the neck on its own (as in DSFormer).
        prune: leave out, per pair, the cells that neither segment overlaps. Faster, but another
            network than without: DSFlash loses 2 points of mR@50 when only the test prunes.
        text_encoder: what turns predicates into vectors that the head compares with, so that other
            words need no training: a name of `psg_ros.text.encoders`. Empty: a closed list.
        text_dim: numbers of such a vector (minilm: 384).
    """

    dim: int = checked(384, minimum=1)
    depth: int = checked(6, minimum=1)
    num_heads: int = checked(8, minimum=1)
    mlp_ratio: float = 4.0
    head_hidden: int = checked(768, minimum=1)
    cell_patches: int = checked(3, minimum=1)
    tap_norm: str = checked("layernorm", choices=("layernorm", "none"))
    tap_projection: int = checked(0, minimum=0)
    background: str = checked("sum", choices=BACKGROUNDS)
    position: str = checked("every_block", choices=("every_block", "first", "none"))
    split: str = checked("gate", choices=("gate", "two_linear", "none"))
    prune: bool = False
    text_encoder: str = ""
    text_dim: int = checked(384, minimum=1)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.dim % 4:
            raise ValueError(f"dim {self.dim} must be a multiple of 4, for the sine code")
        if self.dim % self.num_heads:
            what = f"must split into {self.num_heads} heads (num_heads) of equal size"
            raise ValueError(f"dim {self.dim} {what}")


@dataclass(frozen=True)
class ModelConfig:
    """A whole model: its name and both stages.

    Attributes:
        scaling: how images are brought to the input's size, in training as on the robot; one of
            `psg_ros.robot.manifest.SCALINGS`.
        segmenter: of the class that its `type` names, see `psg_ros.network.segmenters.table`.
    """

    name: str
    description: str = ""
    scaling: str = checked("area", choices=SCALINGS)
    segmenter: SegmenterConfig = chosen_by_type(DEFAULT_SEGMENTER, config_class)
    relations: RelationConfig = RelationConfig()

    def __post_init__(self) -> None:
        check_ranges(self)
        self.segmenter.check_geometry()
        input_hw, grid_hw = self.segmenter.input_hw, self.segmenter.grid_hw
        if self.scaling == "transformers" and len(set(input_hw)) > 1:
            raise ValueError(f"scaling transformers needs a square input_hw, not {input_hw}")
        if self.relations.cell_patches > min(grid_hw):
            cell, (height, width) = self.relations.cell_patches, grid_hw
            raise ValueError(
                f"cell_patches {cell} must be {min(grid_hw)} or less: input_hw {input_hw} has "
                f"{height} x {width} patches, which is not one whole cell"
            )
