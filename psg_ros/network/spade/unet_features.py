# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Features of an image out of the decoder of a UNet, coarsest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DecoderTaps:
    """Reads a UNet's decoder before each of its upsamplers.

    Of Stable Diffusion 1.x these are, at 512 px, 1280 x 8 x 8, 1280 x 16 x 16, 640 x 32 x 32 and
    320 x 64 x 64: strides of 64, 32, 16 and 8 px. The last block is read at its end, the others one
    layer before, as the authors' code does.
    """

    def __init__(self, unet: Any) -> None:
        self._unet = unet
        *coarse, finest = unet.up_blocks
        self._taps = [_layers(block)[-2] for block in coarse] + [_layers(finest)[-1]]
        self.widths = [block.resnets[0].conv1.out_channels for block in unet.up_blocks]

    def __call__(
        self,
        latent: Float[Tensor, "batch channel h w"],
        timestep: int,
        context: Float[Tensor, "batch token dim"],
    ) -> list[Tensor]:
        """Return the maps [batch, width, h, w], coarsest first, of one pass of the UNet."""
        read: list[Tensor] = [latent] * len(self._taps)
        hooks = [
            tap.register_forward_hook(_keep(read, place)) for place, tap in enumerate(self._taps)
        ]
        try:
            steps = torch.full((len(latent),), timestep, device=latent.device)
            self._unet(latent, steps, context, return_dict=False)
        finally:
            for hook in hooks:
                hook.remove()
        return read


def _layers(block: nn.Module) -> list[nn.Module]:
    """Return the layers of a block whose outputs can be read."""
    attentions: Any = getattr(block, "attentions", None) or block.resnets
    return list(attentions)


def _keep(read: list[Tensor], place: int) -> Callable[[nn.Module, Any, Any], None]:
    def keep(layer: nn.Module, inputs: Any, output: Any) -> None:
        read[place] = output[0] if isinstance(output, tuple) else output

    return keep
