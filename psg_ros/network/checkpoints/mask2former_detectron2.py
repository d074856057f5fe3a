# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Key layout of Mask2Former's own code, on detectron2, and of PRO-SCALE, which adds to it.

Older files call the queries' features `static_query` and leave out `pixel_decoder.`.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from psg_ros.network.checkpoints.mask2former_shared import NORM, W, head_rules, merging_rules
from psg_ros.network.checkpoints.renaming import Renamed, Rules, rename, split_qkv

SWIN = r"backbone\.layers\.(\d+)\.blocks\.(\d+)\."
RESNET = r"backbone\.res{}\.(\d+)\."
PIXELS = r"sem_seg_head\.(?:pixel_decoder\.)?"
ENCODER = rf"{PIXELS}transformer\.encoder\.layers\.(\d+)\."
QUERIES = r"sem_seg_head\.predictor\."
LAYERS = rf"{QUERIES}transformer_{{}}_layers\.(\d+)\."

RESNET_RULES: Rules = (
    (r"backbone\.stem\.conv1\.weight", "backbone.conv1.weight"),
    (rf"backbone\.stem\.conv1\.norm\.{NORM}", r"backbone.bn1.\1"),
    *(
        (RESNET.format(theirs) + pattern, rf"backbone.layer{theirs - 1}.\1.{ours}")
        for theirs in range(2, 6)
        for pattern, ours in (
            (r"conv([123])\.weight", r"conv\2.weight"),
            (rf"conv([123])\.norm\.{NORM}", r"bn\2.\3"),
            (r"shortcut\.weight", "downsample.0.weight"),
            (rf"shortcut\.norm\.{NORM}", r"downsample.1.\2"),
        )
    ),
)
SWIN_RULES: Rules = (
    (rf"backbone\.patch_embed\.proj\.{W}", r"backbone.patch_embed.\1"),
    (rf"backbone\.patch_embed\.norm\.{W}", r"backbone.patch_norm.\1"),
    (rf"backbone\.norm(\d)\.{W}", r"backbone.stages.\1.norm.\2"),
    (rf"{SWIN}norm([12])\.{W}", r"backbone.stages.\1.blocks.\2.norm\3.\4"),
    (rf"{SWIN}attn\.([qkv])\.{W}", r"backbone.stages.\1.blocks.\2.attention.\3_proj.\4"),
    (rf"{SWIN}attn\.proj\.{W}", r"backbone.stages.\1.blocks.\2.attention.out_proj.\3"),
    (
        rf"{SWIN}attn\.relative_position_bias_table",
        r"backbone.stages.\1.blocks.\2.attention.position_bias",
    ),
    (rf"{SWIN}mlp\.(fc[12])\.{W}", r"backbone.stages.\1.blocks.\2.mlp.\3.\4"),
    *merging_rules(r"backbone\.layers\."),
)
HEAD_RULES: Rules = (
    *head_rules(
        projections=rf"{PIXELS}input_proj\.",
        encoder=rf"{PIXELS}transformer\.",
        encoder_layer=ENCODER,
        queries=QUERIES,
    ),
    (rf"{ENCODER}(norm[12])\.{W}", r"pixel_decoder.layers.\1.\2.\3"),
    (rf"{ENCODER}linear([12])\.{W}", r"pixel_decoder.layers.\1.fc\2.\3"),
    (
        rf"{PIXELS}transformer\.encoder\.token_excite\.ops\.{W}",
        r"pixel_decoder.recalibration.weigh.\1",
    ),
    (rf"{PIXELS}adapter_1\.weight", "pixel_decoder.lateral.0.weight"),
    (rf"{PIXELS}adapter_1\.norm\.{W}", r"pixel_decoder.lateral.1.\1"),
    (rf"{PIXELS}layer_1\.weight", "pixel_decoder.pixel_embedding.0.weight"),
    (rf"{PIXELS}layer_1\.norm\.{W}", r"pixel_decoder.pixel_embedding.1.\1"),
    (rf"{PIXELS}mask_features\.{W}", r"pixel_decoder.mask_features.\1"),
    (rf"{QUERIES}(?:query_feat|static_query)\.weight", "decoder.query_features"),
    (rf"{QUERIES}query_embed\.weight", "decoder.query_positions"),
    *(
        (LAYERS.format(kind) + pattern, rf"decoder.layers.\1.{ours}")
        for kind, pattern, ours in (
            (
                "cross_attention",
                rf"multihead_attn\.(\w+_proj)\.{W}",
                r"cross_attention.\2.\3",
            ),
            ("cross_attention", rf"norm\.{W}", r"norm1.\2"),
            ("self_attention", rf"self_attn\.(\w+_proj)\.{W}", r"self_attention.\2.\3"),
            ("self_attention", rf"norm\.{W}", r"norm2.\2"),
            ("ffn", rf"linear([12])\.{W}", r"fc\2.\3"),
            ("ffn", rf"norm\.{W}", r"norm3.\2"),
        )
    ),
    (rf"{QUERIES}decoder_norm\.{W}", r"decoder.norm.\1"),
    (rf"{QUERIES}class_embed\.{W}", r"decoder.class_head.\1"),
    *(
        (rf"{QUERIES}mask_embed\.layers\.{index}\.{W}", rf"decoder.mask_head.{2 * index}.\1")
        for index in range(3)
    ),
)
RULES: Rules = (*RESNET_RULES, *SWIN_RULES, *HEAD_RULES)
IGNORED = (
    r"(?:.*\.)?criterion\..*",
    r".*\.num_batches_tracked",
    rf"{SWIN}attn\.relative_position_index",
)


def is_detectron2(tensors: Mapping[str, Tensor]) -> bool:
    """Say whether the names look like this layout."""
    return any(name.startswith("sem_seg_head.") for name in tensors)


def to_ours(tensors: Mapping[str, Tensor]) -> Renamed:
    """Rename a whole Mask2Former or PRO-SCALE."""
    return rename(split_qkv(tensors), RULES, IGNORED)
