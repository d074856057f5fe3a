# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Convolution whose taps lie where the picture says, each with a weight of its own.

Source: Zhu et al., "Deformable ConvNets v2", CVPR 2019. Offsets, weights and their order are those
of ONNX's DeformConv and of torchvision.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from psg_ros.network.kept_tables import kept

KERNEL = 3
TAPS = KERNEL * KERNEL
DEFORM_CONV_OPSET = 19


class DeformableConv(nn.Module):
    """3 x 3, no bias, size kept; offsets and weights come from a convolution of the same input.

    Args:
        operator: see `psg_ros.network.segmenters.yoso.config.YosoConfig.deformable`.

    Raises:
        ImportError: this torch cannot export the operator.
    """

    def __init__(self, before: int, after: int, operator: str = "grid_sample") -> None:
        super().__init__()
        if operator == "deform_conv" and not hasattr(torch.onnx, "ops"):
            raise ImportError("deformable: deform_conv needs torch 2.8 or newer; or grid_sample")
        self.operator = operator
        self.places = nn.Conv2d(before, 3 * TAPS, KERNEL, padding=1)
        self.weight = nn.Parameter(torch.empty(after, before, KERNEL, KERNEL))
        # Offsets of 0 make it a plain convolution at first, its weights halved.
        for parameter in self.places.parameters():
            nn.init.zeros_(parameter)
        nn.init.xavier_uniform_(self.weight)

    def forward(self, features: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c2 h w"]:
        places = self.places(features)
        offsets, weights = places[:, : 2 * TAPS], places[:, 2 * TAPS :].sigmoid()
        if self.operator == "deform_conv" and torch.onnx.is_in_onnx_export():
            return self.as_operator(features, offsets, weights)
        return deformed(features, offsets, weights, self.weight)

    def as_operator(self, features: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
        """Return the node DeformConv of an exported graph."""
        batch, _, height, width = features.shape
        return torch.onnx.ops.symbolic(
            "DeformConv",
            (features, self.weight, offsets, None, weights),
            {"kernel_shape": [KERNEL, KERNEL], "pads": [1, 1, 1, 1]},
            dtype=features.dtype,
            shape=(batch, len(self.weight), height, width),
            version=DEFORM_CONV_OPSET,
        )


def deformed(
    features: Float[Tensor, "batch c h w"],
    offsets: Float[Tensor, "batch 18 h w"],
    weights: Float[Tensor, "batch 9 h w"],
    kernel: Float[Tensor, "c2 c 3 3"],
) -> Float[Tensor, "batch c2 h w"]:
    """Return the convolution, all taps sampled at once.

    Args:
        offsets: for each tap, row-major, (dy, dx) in cells of the map.
        weights: of each tap.
    """
    batch, channels, height, width = features.shape
    grid = sampling_grid(offsets, (height, width))
    sampled = functional.grid_sample(features, grid, align_corners=False)
    sampled = sampled.view(batch, channels, TAPS, height * width)
    weighed = (sampled * weights.flatten(2)[:, None]).flatten(1, 2)
    return (kernel.flatten(1) @ weighed).unflatten(2, (height, width))


def sampling_grid(
    offsets: Float[Tensor, "batch 18 h w"], size_hw: tuple[int, int]
) -> Float[Tensor, "batch tap_row w 2"]:
    """Return the places of all taps, (x, y) in -1..1: the rows of the first tap, of the next..."""
    centres, sizes = (table.to(offsets) for table in kept_tap_centres(offsets.device, size_hw))
    moves = offsets.unflatten(1, (TAPS, 2)).permute(0, 1, 3, 4, 2).flip(-1)
    return (centres + moves * (2 / sizes)).flatten(1, 2)


def tap_centres(size_hw: tuple[int, int]) -> tuple[Tensor, ...]:
    """Return the place of every tap before it moves, float32 [tap, h, w, 2], and (w, h)."""
    height, width = size_hw
    steps = torch.arange(KERNEL) - KERNEL // 2
    rows = torch.arange(height)[None, :] + steps.repeat_interleave(KERNEL)[:, None]
    columns = torch.arange(width)[None, :] + steps.repeat(KERNEL)[:, None]
    shape = (TAPS, height, width)
    centres = torch.stack((columns[:, None].expand(shape), rows[:, :, None].expand(shape)), dim=-1)
    sizes = torch.tensor((width, height), dtype=torch.float32)
    return (2 * centres.float() + 1) / sizes - 1, sizes


kept_tap_centres = kept(tap_centres)
