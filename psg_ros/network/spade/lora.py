# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Low-rank matrices beside the projections of a UNet's cross-attention (LoRA), by peft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from psg_ros.network.spade.libraries import library


def add_lora(unet: Any, targets: Sequence[str], rank: int, alpha: float) -> dict[str, nn.Parameter]:
    """Add the matrices and return them by name; everything else of the UNet is frozen.

    Its output stays what it was until they are trained.
    """
    unet.requires_grad_(False)
    names = "|".join(f"to_{target}" for target in targets)
    config = library("peft").LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=rf".*\.attn2\.({names})"
    )
    unet.add_adapter(config)
    return {name: value for name, value in unet.named_parameters() if value.requires_grad}


def lora_state(unet: nn.Module) -> dict[str, Tensor]:
    """Return the matrices by name."""
    return {name: value for name, value in unet.state_dict().items() if ".lora_" in name}


def load_lora(unet: nn.Module, state: dict[str, Tensor]) -> None:
    """Put trained matrices into a UNet that `add_lora` has prepared.

    Raises:
        ValueError: they are not of this UNet, or of another rank.
    """
    own = lora_state(unet)
    if {name: value.shape for name, value in own.items()} != {
        name: value.shape for name, value in state.items()
    }:
        raise ValueError(
            f"these low-rank matrices ({len(state)}) are not of this UNet ({len(own)}): take the "
            "diffusion model, lora_targets and lora_rank that they were trained with"
        )
    unet.load_state_dict(state, strict=False)


def fuse_lora(unet: Any) -> None:
    """Add the trained matrices to the weights: the same output, in no more time than without."""
    unet.fuse_lora()
