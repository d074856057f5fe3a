# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes of a backbone, and of what stands on it, from the shapes of parameters under our names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from psg_ros.network.segmenters.backbones.config import (
    NUM_MAPS,
    BackboneConfig,
    ResNetConfig,
    SwinConfig,
)

Tensors = Mapping[str, Tensor]


def backbone_config(tensors: Tensors) -> BackboneConfig:
    """Return the sizes of the backbone."""
    if "backbone.patch_embed.weight" in tensors:
        return swin_config(tensors)
    stages = range(1, NUM_MAPS + 1)
    return ResNetConfig(
        block="bottleneck" if "backbone.layer1.0.conv3.weight" in tensors else "basic",
        width=rows(tensors, "backbone.conv1.weight"),
        depths=tuple(count(tensors, rf"backbone\.layer{index}\.(\d+)\.") for index in stages),
    )


def swin_config(tensors: Tensors) -> SwinConfig:
    stages, width = range(NUM_MAPS), rows(tensors, "backbone.patch_embed.weight")
    biases = [f"backbone.stages.{index}.blocks.0.attention.position_bias" for index in stages]
    side = round(rows(tensors, biases[0]) ** 0.5)
    return SwinConfig(
        width=width,
        depths=tuple(count(tensors, rf"backbone\.stages\.{i}\.blocks\.(\d+)\.") for i in stages),
        num_heads=tuple(axes(tensors, name, 2)[1] for name in biases),
        window=(side + 1) // 2,
        mlp_ratio=rows(tensors, "backbone.stages.0.blocks.0.mlp.fc1.weight") / max(width, 1),
    )


def count(tensors: Tensors, pattern: str) -> int:
    """Return how many numbers stand in the group of a pattern at the beginning of names."""
    return len({found[1] for name in tensors if (found := re.match(pattern, name))})


def rows(tensors: Tensors, name: str) -> int:
    return axes(tensors, name, 1)[0]


def axes(tensors: Tensors, name: str, least: int) -> tuple[int, ...]:
    """Return the shape of a parameter that tells sizes.

    Raises:
        ValueError: it is missing, or has fewer axes than `least`.
    """
    if name not in tensors:
        raise ValueError(f"the checkpoint has no {name} (our name), which tells a size")
    shape = tuple(tensors[name].shape)
    if len(shape) < least:
        raise ValueError(f"{name} (our name) must have {least} axes or more, not {list(shape)}")
    return shape
