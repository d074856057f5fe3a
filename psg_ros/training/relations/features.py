# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Features of a segmenter as stage 2 keeps them: one row of bfloat16 values an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pack(features: Sequence[Tensor]) -> Tensor:
    """Return bfloat16 [image, value] of the feature maps [image, cell, width] of some images."""
    return torch.cat([one.flatten(1) for one in features], dim=1).bfloat16()


def unpack(packed: Tensor, shapes: Sequence[tuple[int, int]], precision: str) -> list[Tensor]:
    """Return the feature maps of what `pack` gave, in the type that a pass takes.

    Args:
        packed: bfloat16 [image, value].
        shapes: cells and width of each map, see `psg_ros.network.dsflash.TapEmbedding`.
        precision: of the pass, `bfloat16` or `float32`.
    """
    values = packed.float() if precision == "float32" else packed
    parts = values.split([cells * width for cells, width in shapes], dim=1)
    return [part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True)]
