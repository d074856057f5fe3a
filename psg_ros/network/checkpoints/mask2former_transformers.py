# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layout of Mask2Former in transformers, of its files and of version 5 in memory.

Files exist on Swin only; a ResNet there is what our tests compare with.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from psg_ros.network.checkpoints.mask2former_shared import NORM, W, head_rules, merging_rules
from psg_ros.network.checkpoints.renaming import Renamed, Rules, rename, split_qkv

BACKBONE = r"model\.pixel_level_module\.encoder\.(?:swin\.)?"
SWIN = rf"{BACKBONE}encoder\.layers\.(\d+)\.blocks\.(\d+)\."
RESNET = rf"{BACKBONE}encoder\.stages\.{{}}\.layers\.(\d+)\."
PIXELS = r"model\.pixel_level_module\.decoder\."
ENCODER = rf"{PIXELS}encoder\.layers\.(\d+)\."
QUERIES = r"model\.transformer_module\."
LAYER = rf"{QUERIES}decoder\.layers\.(\d+)\."
TO_BLOCK = r"backbone.stages.\1.blocks.\2"

SWIN_RULES: Rules = (
    (rf"{BACKBONE}embeddings\.patch_embeddings\.projection\.{W}", r"backbone.patch_embed.\1"),
    (rf"{BACKBONE}embeddings\.norm\.{W}", r"backbone.patch_norm.\1"),
    *(
        (
            rf"{BACKBONE}hidden_states_norms\.stage{index + 1}\.{W}",
            rf"backbone.stages.{index}.norm.\1",
        )
        for index in range(4)
    ),
    (rf"{SWIN}layernorm_before\.{W}", rf"{TO_BLOCK}.norm1.\3"),
    (rf"{SWIN}layernorm_after\.{W}", rf"{TO_BLOCK}.norm2.\3"),
    *(
        (rf"{SWIN}attention\.(?:self\.{name}|{name[0]}_proj)\.{W}",
         rf"{TO_BLOCK}.attention.{name[0]}_proj.\3")
        for name in ("query", "key", "value")
    ),
    (rf"{SWIN}attention\.(?:output\.dense|o_proj)\.{W}", rf"{TO_BLOCK}.attention.out_proj.\3"),
    (
        rf"{SWIN}attention\.(?:self|relative_position_bias)\.relative_position_bias_table",
        rf"{TO_BLOCK}.attention.position_bias",
    ),
    (rf"{SWIN}(?:intermediate\.dense|mlp\.fc1)\.{W}", rf"{TO_BLOCK}.mlp.fc1.\3"),
    (rf"{SWIN}(?:output\.dense|mlp\.fc2)\.{W}", rf"{TO_BLOCK}.mlp.fc2.\3"),
    *merging_rules(rf"{BACKBONE}encoder\.layers\."),
)  # fmt: skip
RESNET_RULES: Rules = (
    (rf"{BACKBONE}embedder\.embedder\.convolution\.weight", "backbone.conv1.weight"),
    (rf"{BACKBONE}embedder\.embedder\.normalization\.{NORM}", r"backbone.bn1.\1"),
    *(
        (RESNET.format(index) + pattern, rf"backbone.layer{index + 1}.\1.{ours}")
        for index in range(4)
        for pattern, ours in (
            *(
                entry
                for number in range(3)
                for entry in (
                    (rf"layer\.{number}\.convolution\.weight", f"conv{number + 1}.weight"),
                    (rf"layer\.{number}\.normalization\.{NORM}", rf"bn{number + 1}.\2"),
                )
            ),
            (r"shortcut\.convolution\.weight", "downsample.0.weight"),
            (rf"shortcut\.normalization\.{NORM}", r"downsample.1.\2"),
        )
    ),
)
HEAD_RULES: Rules = (
    *head_rules(
        projections=rf"{PIXELS}input_projections\.",
        encoder=PIXELS,
        encoder_layer=ENCODER,
        queries=QUERIES,
    ),
    (rf"{ENCODER}self_attn_layer_norm\.{W}", r"pixel_decoder.layers.\1.norm1.\2"),
    (rf"{ENCODER}(fc[12])\.{W}", r"pixel_decoder.layers.\1.\2.\3"),
    (rf"{ENCODER}final_layer_norm\.{W}", r"pixel_decoder.layers.\1.norm2.\2"),
    (rf"{PIXELS}adapter_1\.([01])\.{W}", r"pixel_decoder.lateral.\1.\2"),
    (rf"{PIXELS}layer_1\.([01])\.{W}", r"pixel_decoder.pixel_embedding.\1.\2"),
    (rf"{PIXELS}mask_projection\.{W}", r"pixel_decoder.mask_features.\1"),
    (rf"{QUERIES}queries_features\.weight", "decoder.query_features"),
    (rf"{QUERIES}queries_embedder\.weight", "decoder.query_positions"),
    (rf"{LAYER}cross_attn\.(\w+_proj)\.{W}", r"decoder.layers.\1.cross_attention.\2.\3"),
    (rf"{LAYER}cross_attn_layer_norm\.{W}", r"decoder.layers.\1.norm1.\2"),
    (rf"{LAYER}self_attn\.(\w+_proj)\.{W}", r"decoder.layers.\1.self_attention.\2.\3"),
    (rf"{LAYER}self_attn_layer_norm\.{W}", r"decoder.layers.\1.norm2.\2"),
    (rf"{LAYER}(fc[12])\.{W}", r"decoder.layers.\1.\2.\3"),
    (rf"{LAYER}final_layer_norm\.{W}", r"decoder.layers.\1.norm3.\2"),
    (rf"{QUERIES}decoder\.layernorm\.{W}", r"decoder.norm.\1"),
    *(
        (
            rf"{QUERIES}decoder\.mask_predictor\.mask_embedder\.{index}\.0\.{W}",
            rf"decoder.mask_head.{2 * index}.\1",
        )
        for index in range(3)
    ),
    (rf"class_predictor\.{W}", r"decoder.class_head.\1"),
)
RULES: Rules = (*SWIN_RULES, *RESNET_RULES, *HEAD_RULES)
IGNORED = (
    r"criterion\..*",
    r".*\.num_batches_tracked",
    rf"{BACKBONE}layernorm\.{W}",  # behind the last map; nothing reads it
    rf"{SWIN}attention\.(?:self|relative_position_bias)\.relative_position_index",
)


def is_transformers(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return any(name.startswith("model.pixel_level_module.") for name in tensors)


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a whole Mask2Former."""
    return rename(split_qkv(tensors), RULES, IGNORED)
