# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layout of EoMT's own code (repository tue-mps/eomt), both families; differences to DINOv3.

Checkpoints on DINOv3 are published as what fine-tuning added to the backbone, because DINOv3's
weights may not be passed on; everything outside of the backbone is whole. Checkpoints that somebody
trained with that code are whole altogether, under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from psg_ros.network.checkpoints.renaming import (
    WEIGHT_TYPES,
    Renamed,
    Rules,
    rename,
    split_qkv,
)
from psg_ros.network.layers import PIXEL_MEAN, PIXEL_STD

W = r"(weight|bias)"
BACKBONE = r"encoder\.backbone\."
BLOCK = rf"{BACKBONE}blocks\.(\d+)\."

SHARED_RULES: Rules = (
    (rf"{BLOCK}norm([12])\.{W}", r"blocks.\1.norm\2.\3"),
    (rf"{BACKBONE}norm\.{W}", r"norm.\1"),
    (r"q\.weight", "queries"),
    (rf"class_head\.{W}", r"class_head.\1"),
    (rf"mask_head\.([024])\.{W}", r"mask_head.\1.\2"),
    (rf"upscale\.(\d+)\.(conv[12]|norm)\.{W}", r"upscale.\1.\2.\3"),
)
DINOV2_RULES: Rules = (
    (rf"{BACKBONE}cls_token", "cls_token"),
    (rf"{BACKBONE}reg_token", "register_tokens"),
    (rf"{BACKBONE}pos_embed", "position_embedding"),
    (rf"{BACKBONE}patch_embed\.proj\.{W}", r"stem.\1"),
    (rf"{BLOCK}attn\.([qkv])\.{W}", r"blocks.\1.attention.\2_proj.\3"),
    (rf"{BLOCK}attn\.proj\.{W}", r"blocks.\1.attention.out_proj.\2"),
    (rf"{BLOCK}ls([12])\.gamma", r"blocks.\1.layer_scale\2.lambda1"),
    (rf"{BLOCK}mlp\.(fc[12])\.{W}", r"blocks.\1.mlp.\2.\3"),
)
DINOV3_RULES: Rules = (
    (rf"{BACKBONE}patch_embed\.cls_token", "cls_token"),
    (rf"{BACKBONE}patch_embed\.register_tokens", "register_tokens"),
    (rf"{BACKBONE}patch_embed\.patch_embeddings\.{W}", r"stem.\1"),
    (rf"{BLOCK}attention\.([qkv])_proj\.{W}", r"blocks.\1.attention.\2_proj.\3"),
    (rf"{BLOCK}attention\.o_proj\.{W}", r"blocks.\1.attention.out_proj.\2"),
    (rf"{BLOCK}layer_scale([12])\.lambda1", r"blocks.\1.layer_scale\2.lambda1"),
    (rf"{BLOCK}mlp\.up_proj\.{W}", r"blocks.\1.mlp.fc1.\2"),
    (rf"{BLOCK}mlp\.down_proj\.{W}", r"blocks.\1.mlp.fc2.\2"),
)
RULES: Rules = (*SHARED_RULES, *DINOV2_RULES, *DINOV3_RULES)
IGNORED = (
    "attn_mask_probs",
    r"criterion\..*",
    r"encoder\.pixel_(?:mean|std)",
    rf"{BACKBONE}patch_embed\.mask_token",
    rf"{BACKBONE}rope_embeddings\..*",
)
HEADS = ("queries", "class_head.", "mask_head.", "upscale.")
DIFFERENCE_LIMIT = 0.05
"""Mean size of norm1's weights below which they are differences: whole ones are of order 1."""
PIXEL_TOLERANCE = 2e-3  # what bfloat16 keeps of them
DINOV2_NORM_EPS, DINOV3_NORM_EPS = 1e-6, 1e-5
"""Of the backbones' own code; no checkpoint in this layout tells it."""


def is_upstream(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return any("encoder.backbone." in name for name in tensors)


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a whole EoMT or one of differences.

    Raises:
        ValueError: it was trained with another normalisation of the pixels than ours.
    """
    plain = {name.removeprefix("network."): tensor for name, tensor in tensors.items()}
    check_pixel_statistics(plain)
    renamed = rename(split_qkv(plain), RULES, IGNORED)
    position = renamed.tensors.get("position_embedding")
    if position is not None:
        if position.ndim < 2:
            raise ValueError(f"pos_embed must have 2 or 3 axes, not the shape {[*position.shape]}")
        renamed.tensors["position_embedding"] = position.flatten(0, -2)
    return renamed


def check_pixel_statistics(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a checkpoint brings other pixel statistics than ours."""
    for name, ours in (("pixel_mean", PIXEL_MEAN), ("pixel_std", PIXEL_STD)):
        theirs = tensors.get(f"encoder.{name}")
        if theirs is None:
            continue
        if theirs.dtype not in WEIGHT_TYPES:
            raise ValueError(f"the checkpoint has {name} of {theirs.dtype}, expected real numbers")
        found = theirs.flatten().float()
        if len(found) != 3 or not torch.allclose(found, torch.tensor(ours), atol=PIXEL_TOLERANCE):
            raise ValueError(f"the checkpoint has {name} {found.tolist()}, expected {list(ours)}")


def is_difference(ours: Mapping[str, Tensor]) -> bool:
    """Say whether the backbone, under our names, holds differences instead of weights."""
    if "position_embedding" in ours:  # DINOv2 is published whole
        return False
    norms = [t.flatten().float() for name, t in ours.items() if name.endswith("norm1.weight")]
    return bool(norms) and float(torch.cat(norms).abs().mean()) < DIFFERENCE_LIMIT


def add_backbone(ours: Mapping[str, Tensor], backbone: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return whole weights: backbone + difference, and the heads as they are.

    Raises:
        ValueError: the backbone is another network; the message names what does not fit.
    """
    added = {name: tensor for name, tensor in ours.items() if name.startswith(HEADS)}
    odd = [f"{name} has no difference" for name in backbone.keys() - ours.keys()]
    for name in ours.keys() - added.keys():
        if name not in backbone:
            odd.append(f"{name} is missing")
        elif backbone[name].shape != ours[name].shape:
            found, wanted = list(backbone[name].shape), list(ours[name].shape)
            odd.append(f"{name} is {found}, not {wanted}")
        else:
            added[name] = backbone[name].float() + ours[name].float()
    if odd:
        more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
        raise ValueError(f"the backbone does not fit: {'; '.join(sorted(odd)[:5])}{more}")
    return added
