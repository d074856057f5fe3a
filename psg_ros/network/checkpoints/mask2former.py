# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A public Mask2Former or PRO-SCALE checkpoint -> weights and sizes of our `Mask2Former`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from psg_ros.network.checkpoints import mask2former_detectron2, mask2former_transformers
from psg_ros.network.checkpoints.converted import Converted, checked_weights, stated_labels
from psg_ros.network.checkpoints.mask2former_sizes import num_labels, segmenter_config
from psg_ros.network.checkpoints.reading import Source
from psg_ros.network.checkpoints.renaming import plain_names
from psg_ros.network.segmenters.backbones.config import SwinConfig
from psg_ros.network.segmenters.mask2former.config import MaskTransformerConfig, ProScaleConfig

SCALING = "lightly_train"
"""Antialiased bilinear, padded after normalisation, see `psg_ros.robot.ops.image`."""


@dataclass(frozen=True)
class ConvertedMask2Former(Converted):
    """A Mask2Former or PRO-SCALE under our names."""

    config: MaskTransformerConfig

    def summary(self) -> str:
        """See `Converted`."""
        sizes, backbone = self.config, self.config.backbone
        name, kind = "Mask2Former", "Swin" if isinstance(backbone, SwinConfig) else "ResNet"
        if isinstance(sizes, ProScaleConfig):
            name = f"PRO-SCALE {sizes.stages}, recalibration {sizes.recalibration}"
        depths = "-".join(map(str, backbone.depths))
        return (
            f"{name} on {kind} {depths}, {self.layout} layout: {self.num_labels} labels, "
            f"{sizes.num_queries} queries, input {sizes.input_hw[1]}x{sizes.input_hw[0]} px"
        )


def is_mask2former(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like one of the layouts."""
    tensors = plain_names(tensors)
    layouts = mask2former_detectron2.is_detectron2, mask2former_transformers.is_transformers
    return any(is_known(tensors) for is_known in layouts)


def convert(found: Source, *, input_hw: tuple[int, int] | None = None) -> ConvertedMask2Former:
    """Convert a checkpoint; arguments and errors as of `psg_ros.network.checkpoints.convert`."""
    tensors = plain_names(found.tensors)
    layout, rules = "transformers", mask2former_transformers.to_ours
    if mask2former_detectron2.is_detectron2(tensors):
        layout, rules = "detectron2", mask2former_detectron2.to_ours
    renamed = rules(tensors)
    config, assumed = segmenter_config(renamed.tensors, found.config, input_hw)
    labels = num_labels(renamed.tensors)
    weights = checked_weights(renamed, config, labels)
    names = stated_labels(found.config) if layout == "transformers" else ()
    return ConvertedMask2Former(weights, config, labels, layout, SCALING, assumed, names)
