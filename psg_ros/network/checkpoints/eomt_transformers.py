# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layout of EoMT in transformers, both families, and of DINOv3 backbones there.

Source: transformers, models/eomt and models/eomt_dinov3. Versions before 5 put `model.` and
`encoder.` in front of the blocks and called the attention's output `proj_out`; other tools put them
in front of queries and heads as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from psg_ros.network.checkpoints.renaming import Renamed, Rules, rename

W = r"(weight|bias)"
OUTER = r"(?:model\.)?(?:encoder\.)?"
BLOCK = rf"{OUTER}layers?\.(\d+)\."
EMBEDDINGS = rf"{OUTER}embeddings\."

BACKBONE_RULES: Rules = (
    (rf"{EMBEDDINGS}cls_token", "cls_token"),
    (rf"{EMBEDDINGS}register_tokens", "register_tokens"),
    (rf"{EMBEDDINGS}patch_embeddings\.(?:projection\.)?{W}", r"stem.\1"),
    (rf"{BLOCK}norm([12])\.{W}", r"blocks.\1.norm\2.\3"),
    (rf"{BLOCK}attention\.([qkv])_proj\.{W}", r"blocks.\1.attention.\2_proj.\3"),
    (rf"{BLOCK}attention\.(?:out_proj|o_proj|proj_out)\.{W}", r"blocks.\1.attention.out_proj.\2"),
    (rf"{BLOCK}layer_scale([12])\.lambda1", r"blocks.\1.layer_scale\2.lambda1"),
    (rf"{BLOCK}mlp\.(?:fc1|up_proj)\.{W}", r"blocks.\1.mlp.fc1.\2"),
    (rf"{BLOCK}mlp\.(?:fc2|down_proj)\.{W}", r"blocks.\1.mlp.fc2.\2"),
    (rf"{OUTER}(?:layernorm|norm)\.{W}", r"norm.\1"),
)
RULES: Rules = (
    *BACKBONE_RULES,
    (rf"{EMBEDDINGS}position_embeddings\.weight", "position_embedding"),
    (rf"{OUTER}query\.weight", "queries"),
    (rf"{OUTER}class_predictor\.{W}", r"class_head.\1"),
    (rf"{OUTER}mask_head\.fc1\.{W}", r"mask_head.0.\1"),
    (rf"{OUTER}mask_head\.fc2\.{W}", r"mask_head.2.\1"),
    (rf"{OUTER}mask_head\.fc3\.{W}", r"mask_head.4.\1"),
    (rf"{OUTER}upscale_block\.block\.(\d+)\.(conv[12])\.{W}", r"upscale.\1.\2.\3"),
    (rf"{OUTER}upscale_block\.block\.(\d+)\.layernorm2d\.{W}", r"upscale.\1.norm.\2"),
)
IGNORED = (
    rf"{OUTER}attn_mask_probs",
    r"criterion\..*",
    rf"{EMBEDDINGS}(?:mask_token|position_ids)",
    rf"{OUTER}rope_embeddings\..*",
)


def is_transformers(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return any(name.endswith("class_predictor.weight") for name in tensors)


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a whole EoMT."""
    return rename(tensors, RULES, IGNORED)


def backbone_to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a DINOv3 backbone (transformers' DINOv3ViTModel)."""
    return rename(tensors, BACKBONE_RULES, IGNORED)
