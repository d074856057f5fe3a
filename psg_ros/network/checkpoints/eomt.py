# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A public EoMT checkpoint -> weights and sizes of our `Eomt`; all of it fits, or it is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from psg_ros.network.checkpoints import (
    eomt_lightly_train,
    eomt_transformers,
    eomt_upstream,
)
from psg_ros.network.checkpoints.backbones import backbone_to_ours
from psg_ros.network.checkpoints.converted import Converted, checked_weights, stated_labels
from psg_ros.network.checkpoints.eomt_sizes import (
    PUBLISHED,
    Hints,
    num_labels,
    published_size,
    segmenter_config,
    stated_eps,
)
from psg_ros.network.checkpoints.reading import Source, read_source
from psg_ros.network.checkpoints.renaming import Renamed, plain_names, some_of
from psg_ros.network.segmenters.eomt_config import EomtConfig

SCALINGS = {
    "upstream": "eomt", "transformers": "transformers", "lightly_train": "lightly_train",
}  # fmt: skip
"""How the code of each layout scales images, see `psg_ros.robot.ops.image`."""


@dataclass(frozen=True)
class ConvertedEomt(Converted):
    """An EoMT under our names.

    Attributes:
        size: "S", "B", "L", or "custom".
        merged: the file held differences, and a backbone was added.
    """

    config: EomtConfig
    size: str = "custom"
    merged: bool = False

    @property
    def family(self) -> str:
        """DINOv2 or DINOv3, told apart by their position codes."""
        return "DINOv2" if self.config.position == "learned" else "DINOv3"

    def summary(self) -> str:
        """See `Converted`."""
        sizes = self.config
        return (
            f"EoMT-{self.size}, {self.family}, {self.layout} layout"
            f"{', merged with its backbone' if self.merged else ''}: {self.num_labels} labels, "
            f"{sizes.num_queries} queries in the last {sizes.num_query_blocks} of {sizes.depth} "
            f"blocks, input {sizes.input_hw[1]}x{sizes.input_hw[0]} px"
        )


def convert(
    found: Source, *, backbone: str | None = None, input_hw: tuple[int, int] | None = None
) -> ConvertedEomt:
    """Convert a checkpoint; arguments and errors as of `psg_ros.network.checkpoints.convert`."""
    if input_hw is not None and input_hw[0] != input_hw[1]:
        raise ValueError(f"EoMT converts to a square input, not {input_hw[1]}x{input_hw[0]} px")
    input_px = input_hw[0] if input_hw else None
    layout, renamed = to_ours(found)
    tensors = renamed.tensors
    hints = Hints(_num_query_blocks(found.tensors), input_px, *_stated(found, layout, tensors))
    merged = layout == "upstream" and eomt_upstream.is_difference(tensors)
    if merged:
        base = _read_backbone(backbone, tensors, found)
        tensors = _add(tensors, base)
        hints = dataclasses.replace(hints, norm_eps=stated_eps(base.config, hints.norm_eps))
    elif backbone is not None:
        raise ValueError(f"{found.path} holds whole weights; leave --backbone out")
    config, assumed = segmenter_config(tensors, hints)
    if layout == "lightly_train":
        config = dataclasses.replace(config, upscale_eps=eomt_lightly_train.UPSCALE_EPS)
    size = published_size(tensors)
    labels = num_labels(tensors)
    return ConvertedEomt(
        checked_weights(Renamed(tensors, renamed.unknown), config, labels),
        config,
        labels,
        layout,
        SCALINGS[layout],
        assumed,
        _label_names(found, layout),
        size.letter if size else "custom",
        merged,
    )


def to_ours(source: Source) -> tuple[str, Renamed]:
    """Recognise the layout by its names and rename.

    Raises:
        ValueError: none of the layouts.
    """
    tensors = plain_names(source.tensors)
    if eomt_lightly_train.is_lightly_train(tensors):
        return "lightly_train", eomt_lightly_train.to_ours(tensors)
    if eomt_upstream.is_upstream(tensors):
        return "upstream", eomt_upstream.to_ours(tensors)
    if eomt_transformers.is_transformers(tensors):
        return "transformers", eomt_transformers.to_ours(tensors)
    some = ", ".join(sorted(source.tensors)[:3])
    raise ValueError(
        f"{source.path} is not a checkpoint of a segmenter known here: neither of EoMT, as its own "
        "code (encoder.backbone....), transformers (class_predictor...) or LightlyTrain "
        "(model.backbone....) names weights, nor of Mask2Former or PRO-SCALE (sem_seg_head...., "
        f"model.pixel_level_module....); it has {some} ..."
    )


def _stated(
    found: Source, layout: str, tensors: Mapping[str, Tensor]
) -> tuple[Mapping[str, Any], float]:
    """Return the config.json that counts, and the epsilon of the norms where it tells none."""
    if layout == "transformers":
        return found.config, EomtConfig.norm_eps
    if layout == "lightly_train":
        stated = eomt_lightly_train.stated_config(found.arguments)
        return stated, eomt_upstream.DINOV3_NORM_EPS
    learned = "position_embedding" in tensors
    return {}, eomt_upstream.DINOV2_NORM_EPS if learned else eomt_upstream.DINOV3_NORM_EPS


def _label_names(found: Source, layout: str) -> tuple[str, ...]:
    """Return the names of the classes in the order of the class head, where the file tells them."""
    if layout == "transformers":
        return stated_labels(found.config)
    return tuple(eomt_lightly_train.stated_labels(found.arguments))


def _read_backbone(backbone: str | None, tensors: Mapping[str, Tensor], found: Source) -> Source:
    if backbone is not None:
        return read_source(backbone)
    size = published_size(tensors)
    names = [size.backbone] if size else [size.backbone for size in PUBLISHED]
    raise ValueError(
        f"{found.path} holds differences from DINOv3, not weights (its norm1 weights are near 0). "
        f"Give --backbone with the original backbone: "
        f"{' or '.join(names)}, its folder or its model.safetensors, or a .pth file of DINOv3's "
        "own layout"
    )


def _add(tensors: Mapping[str, Tensor], base: Source) -> dict[str, Tensor]:
    renamed = backbone_to_ours(base)
    if renamed.unknown:
        names = some_of(renamed.unknown)
        raise ValueError(
            f"{base.path} is not a DINOv3 ViT, neither of transformers nor of DINOv3's own code; "
            f"unknown: {names}"
        )
    try:
        return eomt_upstream.add_backbone(tensors, renamed.tensors)
    except ValueError as error:
        raise ValueError(f"{base.path}: {error}") from error


def _num_query_blocks(tensors: Mapping[str, Any]) -> int | None:
    found = (t.numel() for name, t in tensors.items() if name.endswith("attn_mask_probs"))
    return next(found, None)
