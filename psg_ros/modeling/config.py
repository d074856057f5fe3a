# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and variants of the networks. Defaults are DSFlash-S; see config/model/ for the others."""

from dataclasses import dataclass
from typing import Any

from psg_ros.manifest import SCALINGS

STEMS = ("linear", "convolution", "efficientnet_lite0", "efficientnet_lite2")
"""From pixels to the patch grid, see `SegmenterConfig`."""
BACKGROUNDS = ("sum", "onoff")
"""Rules of the mask embedding, see `RelationConfig`."""


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _check_least(config: Any, least: int, *names: str) -> None:
    for name in names:
        if not getattr(config, name) >= least:
            raise ValueError(f"{name} must be {least} or more, not {getattr(config, name)}")


@dataclass(frozen=True)
class SegmenterConfig:
    """EoMT: a plain ViT whose last blocks also see learned queries.

    Attributes:
        input_hw: px, multiples of the patch size.
        stem: `linear` is the ViT's patch convolution (EoMT); `convolution` is a stack of stride-2
            convolutions, which learns faster from scratch (Xiao et al., 2021, «Early convolutions
            help transformers see better»); `efficientnet_lite0` and `efficientnet_lite2` bring
            features that ImageNet taught.
        position: `rope` (DINOv3: axial rotary code on patch tokens) or `learned` (DINOv2 table).
        key_bias: DINOv2 has a bias on the keys, DINOv3 has none.
        norm_eps: of every LayerNorm of the ViT; DINOv2 has 1e-6, DINOv3 1e-5.
        num_query_blocks: how many last blocks see the queries; 1 .. depth.
        taps: blocks (0-based, ascending) whose patch tokens feed the relation stage.
        merge_ratio: share of the patch tokens merged away in front of every attention (ToMe-SD); 0
            is off. Acts in `forward`; the training pass `forward_deep` always sees all tokens.
        merge_rope: which rotary code a token has that others merged into: its `own` (not said by
            DSFlash; the default), or the `mean` over them, as ToMe's author proposes for position
            codes.
    """

    input_hw: tuple[int, int] = (640, 640)
    patch_size: int = 16
    dim: int = 384
    depth: int = 12
    num_heads: int = 6
    mlp_ratio: float = 4.0
    stem: str = "linear"
    position: str = "rope"
    key_bias: bool = False
    norm_eps: float = 1e-6
    num_registers: int = 4
    num_queries: int = 200
    num_query_blocks: int = 3
    taps: tuple[int, ...] = (2, 5, 8, 11)
    merge_ratio: float = 0.0
    merge_rope: str = "own"

    def __post_init__(self) -> None:
        _check_choice("stem", self.stem, STEMS)
        _check_choice("position", self.position, ("rope", "learned"))
        _check_choice("merge_rope", self.merge_rope, ("own", "mean"))
        _check_least(self, 1, "patch_size", "dim", "depth", "num_heads", "num_queries")
        _check_least(self, 0, "num_registers")
        self._check_patches()
        if self.dim % self.num_heads or (self.dim // self.num_heads) % 4:
            raise ValueError(
                f"dim {self.dim} must split into {self.num_heads} heads of a multiple of 4"
            )
        self._check_blocks()
        if not 0 <= self.merge_ratio < 1:
            raise ValueError(f"merge_ratio must lie in 0 .. 1 (exclusive), not {self.merge_ratio}")

    def _check_patches(self) -> None:
        patch = self.patch_size
        if any(size % patch or size < patch for size in self.input_hw):
            raise ValueError(f"input_hw {self.input_hw} must be multiples of {patch} px")
        if self.stem == "convolution" and patch & (patch - 1):
            what = "stem: convolution halves the picture several times"
            raise ValueError(f"patch_size {patch} must be a power of 2: {what}")
        if self.stem.startswith("efficientnet") and patch != 16:
            raise ValueError(f"patch_size must be 16 with stem: {self.stem}, not {patch}")

    def _check_blocks(self) -> None:
        depth, blocks, taps = self.depth, self.num_query_blocks, self.taps
        if not 1 <= blocks <= depth:
            raise ValueError(f"num_query_blocks must lie in 1 .. {depth} (depth), not {blocks}")
        if not taps or not all(0 <= tap < depth for tap in taps):
            raise ValueError(f"taps {taps} must lie in 0 .. {depth - 1}, at least one")
        if list(taps) != sorted(set(taps)):
            raise ValueError(f"taps {taps} must ascend, each block once")

    @property
    def grid_hw(self) -> tuple[int, int]:
        return self.input_hw[0] // self.patch_size, self.input_hw[1] // self.patch_size

    @property
    def num_upscale_blocks(self) -> int:
        """Doublings of the patch grid, so that masks end up at a stride of 4 px (EoMT)."""
        return max(1, self.patch_size.bit_length() - 1 - 2)

    @property
    def mask_stride(self) -> int:
        return self.patch_size // 2**self.num_upscale_blocks


@dataclass(frozen=True)
class RelationConfig:
    """DSFlash's relation stage.

    Attributes:
        cell_patches: side of one relation cell in patches (kernel and stride of the embedding).
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
    """

    dim: int = 384
    depth: int = 6
    num_heads: int = 8
    mlp_ratio: float = 4.0
    head_hidden: int = 768
    cell_patches: int = 3
    tap_norm: str = "layernorm"
    tap_projection: int = 0
    background: str = "sum"
    position: str = "every_block"
    split: str = "gate"
    prune: bool = False

    def __post_init__(self) -> None:
        _check_choice("tap_norm", self.tap_norm, ("layernorm", "none"))
        _check_choice("background", self.background, BACKGROUNDS)
        _check_least(self, 1, "dim", "depth", "num_heads", "head_hidden", "cell_patches")
        _check_least(self, 0, "tap_projection")
        _check_choice("position", self.position, ("every_block", "first", "none"))
        _check_choice("split", self.split, ("gate", "two_linear", "none"))
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
            `psg_ros.manifest.SCALINGS`.
    """

    name: str
    description: str = ""
    scaling: str = "area"
    segmenter: SegmenterConfig = SegmenterConfig()
    relations: RelationConfig = RelationConfig()

    def __post_init__(self) -> None:
        _check_choice("scaling", self.scaling, SCALINGS)
        input_hw, grid_hw = self.segmenter.input_hw, self.segmenter.grid_hw
        if self.scaling == "transformers" and len(set(input_hw)) > 1:
            raise ValueError(f"scaling transformers needs a square input_hw, not {input_hw}")
        if self.relations.cell_patches > min(grid_hw):
            cell, (height, width) = self.relations.cell_patches, grid_hw
            raise ValueError(
                f"cell_patches {cell} must be {min(grid_hw)} or less: input_hw {input_hw} has "
                f"{height} x {width} patches, which is not one whole cell"
            )
