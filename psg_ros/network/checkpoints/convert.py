# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A public EoMT checkpoint -> weights and sizes of our `Eomt`; all of it fits, or it is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from psg_ros.network.checkpoints import (
    eomt_lightly_train,
    eomt_transformers,
    eomt_upstream,
)
from psg_ros.network.checkpoints.backbones import backbone_to_ours
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
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig

SCALINGS = {
    "upstream": "eomt", "transformers": "transformers", "lightly_train": "lightly_train",
}  # fmt: skip
"""How the code of each layout scales images, see `psg_ros.robot.ops.image`."""


@dataclass(frozen=True)
class Converted:
    """A segmenter under our names.

    Attributes:
        weights: float32, the state dict of `Eomt(config, num_labels)`.
        layout: "upstream", "transformers" or "lightly_train"; of the names in the file.
        size: "S", "B", "L", or "custom".
        merged: the file held differences, and a backbone was added.
        assumed: what neither file nor user told; empty when nothing.
        label_names: in the order of the class head; empty where the file does not tell.
    """

    weights: dict[str, Tensor]
    config: EomtConfig
    num_labels: int
    layout: str
    size: str
    merged: bool
    assumed: str
    label_names: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """DINOv2 or DINOv3, told apart by their position codes."""
        return "DINOv2" if self.config.position == "learned" else "DINOv3"

    @property
    def scaling(self) -> str:
        """How the code of this layout scales images, see `psg_ros.robot.ops.image`."""
        return SCALINGS[self.layout]

    def summary(self) -> str:
        """Return one line for people."""
        sizes = self.config
        return (
            f"EoMT-{self.size}, {self.family}, {self.layout} layout"
            f"{', merged with its backbone' if self.merged else ''}: {self.num_labels} labels, "
            f"{sizes.num_queries} queries in the last {sizes.num_query_blocks} of {sizes.depth} "
            f"blocks, input {sizes.input_hw[1]}x{sizes.input_hw[0]} px"
        )


def convert(source: str, *, backbone: str | None = None, input_px: int | None = None) -> Converted:
    """Read and convert a checkpoint.

    Args:
        source: weight file, folder in transformers' layout, or hub name (owner/name).
        backbone: likewise, of the DINOv3 backbone; needed for, and only for, differences to it.
        input_px: side of the input; may be chosen where positions are rotary (DINOv3).

    Raises:
        FileNotFoundError, ImportError: as `read_source`.
        ValueError: a key is unknown, missing or of another shape; differences without backbone.
    """
    found = read_source(source)
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
    check_complete(tensors, renamed.unknown, config, num_labels(tensors))
    tensors = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    letter = size.letter if size else "custom"
    names = tuple(eomt_lightly_train.stated_labels(found.arguments))
    return Converted(tensors, config, num_labels(tensors), layout, letter, merged, assumed, names)


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
        f"{source.path} is not an EoMT checkpoint: neither upstream's names (encoder.backbone....) "
        f"nor those of transformers (class_predictor...) or LightlyTrain (model.backbone....); it "
        f"has {some} ..."
    )


def check_complete(
    tensors: Mapping[str, Tensor], unknown: Sequence[str], config: EomtConfig, labels: int
) -> None:
    """Raise ValueError listing every kind of misfit between tensors and network."""
    with torch.device("meta"):
        wanted = Eomt(config, labels).state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - wanted.keys())
    misshaped = [
        f"{name} {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in sorted(wanted.keys() & tensors.keys())
        if tensors[name].shape != wanted[name].shape
    ]
    misfits = {"unknown": [*unknown, *surplus], "missing": missing, "of another shape": misshaped}
    told = [f"{len(names)} {kind}: {some_of(names)}" for kind, names in misfits.items() if names]
    if told:
        raise ValueError(f"the checkpoint does not fit EoMT; {'; '.join(told)}")


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
