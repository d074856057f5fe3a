# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small YOSO, also under the names of its release, written a second time."""

import re
from pathlib import Path

import torch
from mask2former_checkpoints import BACKBONE
from torch import Tensor

from psg_ros.network.segmenters.backbones.config import ResNetConfig
from psg_ros.network.segmenters.yoso.config import YosoConfig

Weights = dict[str, Tensor]
YOSO = YosoConfig(
    input_hw=(64, 96), num_queries=7, backbone=ResNetConfig(width=8, depths=(1, 2, 1, 1)), dim=32,
    neck_width=16, decoder_hidden=64,
)  # fmt: skip

NECK = (
    (r"^laterals\.", "deconv.lateral_conv"),
    (r"^doublings\.(\d)\.", lambda found: f"deconv.deform_conv{int(found[1]) + 1}."),
    (r"\.conv\.places\.", ".dcn_offset."),
    (r"\.conv\.weight$", ".dcn.weight"),
    (r"\.norm1\.", ".dcn_bn."),
    (r"\.enlarge\.", ".up_sample."),
    (r"\.norm2\.", ".up_bn."),
    (r"^aggregation\.projections\.(\d)\.", lambda found: f"deconv.conv_a{5 - int(found[1])}."),
    (r"^aggregation\.bias$", "deconv.bias"),
    (r"^smooth\.", "deconv.output_conv."),
    (r"^locate\.", "loc_conv."),
)
DECODER = (
    (r"^proposals\.", "kernels."),
    (r"^stages\.", "mask_heads."),
    (r"\.feature_attention\.weights\.", ".f_atten.weight_linear."),
    (r"\.feature_attention\.norm\.", ".f_atten.norm."),
    (r"\.feature_norm\.", ".f_atten_norm."),
    (r"\.kernel_attention\.weights\.", ".k_atten.weight_linear."),
    (r"\.kernel_attention\.norm\.", ".k_atten.norm."),
    (r"\.kernel_norm\.", ".k_atten_norm."),
    (r"\.self_attention\b", ".s_atten"),
    (r"\.self_norm\.", ".s_atten_norm."),
    (r"\.fc1\.", ".ffn.layers.0.0."),
    (r"\.fc2\.", ".ffn.layers.1."),
    (r"\.mlp_norm\.", ".ffn_norm."),
)
PARTS = {
    "backbone": ("backbone.", BACKBONE),
    "neck": ("yoso_neck.", NECK),
    "decoder": ("yoso_head.", DECODER),
}


def release_name(ours: str, config: YosoConfig) -> str:
    """Return the release's name of a parameter, or of the projections that it is fused with."""
    kinds = {"class": ("cls", config.class_layers), "mask": ("mask", config.mask_layers)}
    if found := re.fullmatch(r"decoder\.(class|mask)_heads\.(\d+)\.(\d+)\.(\w+)", ours):
        kind, stage, layer, rest = found.groups()
        theirs, num_layers = kinds[kind]
        place = f"fc_{theirs}" if int(layer) == 3 * num_layers else f"{theirs}_fcs.{layer}"
        return f"yoso_head.mask_heads.{stage}.{place}.{rest}"
    part, _, name = ours.partition(".")
    start, changes = PARTS[part]
    for pattern, theirs in changes:
        name = re.sub(pattern, theirs, name)
    return start + name


def release_names(weights: Weights, config: YosoConfig = YOSO) -> Weights:
    """Return weights under the names of the release, with its fused projections and leftovers."""
    named: Weights = {"yoso_head.criterion.empty_weight": torch.ones(6)}
    fused: dict[str, list[Tensor]] = {}
    for ours, tensor in weights.items():
        part = re.fullmatch(r"(.*self_attention)\.[qkv]_proj\.(weight|bias)", ours)
        if part is None:
            named[release_name(ours, config)] = tensor
        else:
            name = f"{release_name(part[1], config)}.in_proj_{part[2]}"
            fused.setdefault(name, []).append(tensor)
    assert all(len(parts) == 3 for parts in fused.values())
    return named | {name: torch.cat(parts) for name, parts in fused.items()}


def write_release(weights: Weights, path: Path, config: YosoConfig = YOSO) -> Path:
    """Write a file as detectron2's trainer leaves it."""
    optimizer = {"state": {0: {"step": 7}}, "param_groups": [{"lr": 1e-4}]}
    content = {"model": release_names(weights, config), "optimizer": optimizer, "iteration": 7}
    torch.save(content, path)
    return path
