# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes and variants of EoMT. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from psg_ros.network.segmenter_config import FeatureMap, SegmenterConfig
from psg_ros.network.segmenters.eomt_training import (
    OWN_SETTINGS,
    EomtTraining,
    check_gates,
    check_stem,
)
from psg_ros.setting_fields import checked

PRETRAINED_STEMS = ("efficientnet_lite0", "efficientnet_lite2")
STEMS = ("linear", "convolution", *PRETRAINED_STEMS)
"""From pixels to the patch grid, see `EomtConfig`."""
PRETRAINED_STRIDE = 16
"""px, of the features of a pretrained stem."""


@dataclass(frozen=True)
class EomtConfig(SegmenterConfig):
    """EoMT: a plain ViT whose last blocks also see learned queries.

    Attributes:
        patch_size: px; `input_hw` are multiples of it.
        stem: `linear` is the ViT's patch convolution (EoMT); `convolution` is a stack of stride-2
            convolutions, which learns faster from scratch (Xiao et al., 2021, "Early convolutions
            help transformers see better"); `efficientnet_lite0` and `efficientnet_lite2` bring
            features that ImageNet taught.
        position: `rope` (DINOv3: axial rotary code on patch tokens) or `learned` (DINOv2 table).
        key_bias: DINOv2 has a bias on the keys, DINOv3 has none.
        norm_eps: of every LayerNorm of the ViT; DINOv2 has 1e-6, DINOv3 1e-5.
        upscale_eps: of the norms behind it, on the way to the masks; LightlyTrain has 1e-5.
        num_query_blocks: how many last blocks see the queries; 1 .. depth.
        taps: blocks (0-based, ascending) whose patch tokens feed the relation stage.
        merge_ratio: share of the patch tokens merged away in front of every attention (ToMe-SD); 0
            is off. Acts in `forward`; the training pass `forward_deep` always sees all tokens.
        merge_rope: which rotary code a token has that others merged into: its `own` (not said by
            DSFlash; the default), or the `mean` over them, as ToMe's author proposes for position
            codes.
    """

    type: str = field(default="eomt", init=False)
    patch_size: int = checked(16, minimum=1)
    dim: int = checked(384, minimum=1)
    depth: int = checked(12, minimum=1)
    num_heads: int = checked(6, minimum=1)
    mlp_ratio: float = 4.0
    stem: str = checked("linear", choices=STEMS)
    position: str = checked("rope", choices=("rope", "learned"))
    key_bias: bool = False
    norm_eps: float = 1e-6
    upscale_eps: float = 1e-6
    num_registers: int = checked(4, minimum=0)
    num_query_blocks: int = 3
    taps: tuple[int, ...] = (2, 5, 8, 11)
    merge_ratio: float = checked(0.0, minimum=0, below=1)
    merge_rope: str = checked("own", choices=("own", "mean"))

    own_settings = OWN_SETTINGS
    switches = ("merge_ratio",)
    undecided = ("taps", "merge_ratio", "merge_rope")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_patches()
        if self.dim % self.num_heads or (self.dim // self.num_heads) % 4:
            raise ValueError(
                f"dim {self.dim} must split into {self.num_heads} heads of a multiple of 4"
            )
        self._check_blocks()

    def _check_patches(self) -> None:
        patch = self.patch_size
        if any(size % patch or size < patch for size in self.input_hw):
            raise ValueError(f"input_hw {self.input_hw} must be multiples of {patch} px")
        if patch % 2**self.num_upscale_blocks:
            what = f"{2**self.num_upscale_blocks}, by which the masks are finer than the patches"
            raise ValueError(f"patch_size {patch} must be a multiple of {what}")
        if self.stem == "convolution" and patch & (patch - 1):
            what = "stem: convolution halves the picture several times"
            raise ValueError(f"patch_size {patch} must be a power of 2: {what}")
        if self.stem in PRETRAINED_STEMS and patch != PRETRAINED_STRIDE:
            what = f"{PRETRAINED_STRIDE} with stem: {self.stem}"
            raise ValueError(f"patch_size must be {what}, not {patch}")

    def _check_blocks(self) -> None:
        depth, blocks, taps = self.depth, self.num_query_blocks, self.taps
        if not 1 <= blocks <= depth:
            raise ValueError(f"num_query_blocks must lie in 1 .. {depth} (depth), not {blocks}")
        if not taps or not all(0 <= tap < depth for tap in taps):
            raise ValueError(f"taps {taps} must lie in 0 .. {depth - 1}, at least one")
        if list(taps) != sorted(set(taps)):
            raise ValueError(f"taps {taps} must ascend, each block once")

    @property
    def feature_maps(self) -> tuple[FeatureMap, ...]:
        return (FeatureMap(self.patch_size, self.dim),) * len(self.taps)

    @property
    def num_upscale_blocks(self) -> int:
        """Doublings of the patch grid, so that masks end up at a stride of 4 px (EoMT)."""
        return max(1, self.patch_size.bit_length() - 1 - 2)

    @property
    def mask_stride(self) -> int:
        return self.patch_size // 2**self.num_upscale_blocks

    @property
    def mask_width(self) -> int:
        return self.dim

    def check_training(self, settings: EomtTraining) -> None:
        """See `SegmenterConfig`."""
        check_gates(settings, self.num_query_blocks)
        check_stem(settings, self.stem, is_pretrained=self.stem in PRETRAINED_STEMS)
        for phase in settings.phases:
            if self.position == "learned" and phase.input_hw != self.input_hw:
                what = f"must be the network's {self.input_hw}: its positions are learned"
                raise ValueError(f"input_hw {phase.input_hw} of a phase {what}")
