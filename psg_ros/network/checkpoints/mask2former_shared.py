# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names that both layouts of Mask2Former spell alike, behind different beginnings."""

from __future__ import annotations

from psg_ros.network.checkpoints.renaming import Rules

W = r"(weight|bias)"
NORM = r"(weight|bias|running_mean|running_var)"


def merging_rules(layers: str) -> Rules:
    """Return the rules of what merges patches in Swin.

    There a stage ends with the merging, here the next one begins with it.

    Args:
        layers: pattern in front of the number of a stage.
    """
    return tuple(
        (
            rf"{layers}{index}\.downsample\.(norm|reduction)\.{W}",
            rf"backbone.stages.{index + 1}.merge.\1.\2",
        )
        for index in range(3)
    )


def head_rules(*, projections: str, encoder: str, encoder_layer: str, queries: str) -> Rules:
    """Return the rules of what lies behind the backbone.

    Args:
        projections: pattern in front of the number of a map that enters the pixel decoder.
        encoder: in front of the level codes of the pixel decoder.
        encoder_layer: in front of what belongs to one of its layers; its group is the number.
        queries: in front of what the decoder of the queries has.
    """
    return (
        (rf"{projections}(\d)\.([01])\.{W}", r"pixel_decoder.projections.\1.\2.\3"),
        (rf"{encoder}level_embed", "pixel_decoder.level_codes"),
        (
            rf"{encoder_layer}self_attn\."
            rf"(sampling_offsets|attention_weights|value_proj|output_proj)\.{W}",
            r"pixel_decoder.layers.\1.attention.\2.\3",
        ),
        (rf"{queries}level_embed\.weight", "decoder.level_codes"),
    )
