# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layout of DINOv3's own code (repository facebookresearch/dinov3), for its ViT backbones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from psg_ros.network.checkpoints.eomt_sizes import HEAD_SIZE
from psg_ros.network.checkpoints.renaming import WEIGHT_TYPES, Renamed, Rules, rename, split_qkv

W = r"(weight|bias)"
BLOCK = r"blocks\.(\d+)\."

BACKBONE_RULES: Rules = (
    (r"cls_token", "cls_token"),
    (r"storage_tokens", "register_tokens"),
    (rf"patch_embed\.proj\.{W}", r"stem.\1"),
    (rf"{BLOCK}norm([12])\.{W}", r"blocks.\1.norm\2.\3"),
    (rf"{BLOCK}attn\.([qkv])\.{W}", r"blocks.\1.attention.\2_proj.\3"),
    (rf"{BLOCK}attn\.proj\.{W}", r"blocks.\1.attention.out_proj.\2"),
    (rf"{BLOCK}ls([12])\.gamma", r"blocks.\1.layer_scale\2.lambda1"),
    (rf"{BLOCK}mlp\.(fc[12])\.{W}", r"blocks.\1.mlp.\2.\3"),
    (rf"norm\.{W}", r"norm.\1"),
)
IGNORED = ("mask_token", r"rope_embed\.periods")
MASK = ".bias_mask"
"""Ending of a 0/1 factor on the fused bias of query, key and value: keys have none."""
PERIODS = "rope_embed.periods"
THETA = 100.0
PERIOD_TOLERANCE = 1e-2  # what bfloat16 keeps of them


def is_original(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return "storage_tokens" in tensors


def backbone_to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a backbone.

    Raises:
        ValueError: another rotary code than ours; a mask that does not fit its bias.
    """
    return rename(normalised(tensors), BACKBONE_RULES, IGNORED)


def normalised(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return query, key and value apart, their bias masked; keys get no bias where it is zero.

    Raises:
        ValueError: as `backbone_to_ours`.
    """
    check_periods(tensors)
    split = split_qkv(masked(tensors))
    return {n: t for n, t in split.items() if not (n.endswith("attn.k.bias") and not t.any())}


def masked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Multiply every masked bias by its mask, which is left out then.

    Raises:
        ValueError: a mask without a bias of its shape, or of other numbers than 0 and 1.
    """
    whole = {name: tensor for name, tensor in tensors.items() if not name.endswith(MASK)}
    for name in tensors.keys() - whole.keys():
        mask, target = tensors[name], name.removesuffix("_mask")
        if target not in whole or whole[target].shape != mask.shape:
            raise ValueError(f"the checkpoint has {name}, but no {target} of its shape")
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError(f"{name} must hold zeros and ones")
        whole[target] = torch.where(mask == 0, torch.zeros_like(whole[target]), whole[target])
    return whole


def check_periods(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a checkpoint brings another rotary code than ours."""
    stored = tensors.get(PERIODS)
    if stored is None:
        return
    count = HEAD_SIZE // 4
    wanted = THETA ** (torch.arange(count) / count)
    fits = stored.dtype in WEIGHT_TYPES and stored.shape == wanted.shape
    if not fits or not torch.allclose(stored.float(), wanted, rtol=PERIOD_TOLERANCE):
        raise ValueError(
            f"{PERIODS} must be {count} numbers from 1 up to nearly {THETA:g}: this network has "
            f"no other rotary code"
        )
