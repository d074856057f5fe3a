# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small Mask2Formers and PRO-SCALEs, also under the names of detectron2, written a second time."""

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from psg_ros.network.segmenter import Segmenter
from psg_ros.network.segmenters.backbones.config import ResNetConfig, SwinConfig
from psg_ros.network.segmenters.mask2former.config import Mask2FormerConfig, ProScaleConfig
from psg_ros.network.segmenters.table import build_segmenter

Weights = dict[str, Tensor]
SWIN = SwinConfig(width=12, depths=(2, 1, 1, 1), num_heads=(1, 2, 3, 4), window=3, mlp_ratio=2.0)
RESNET = ResNetConfig(width=8, depths=(1, 2, 1, 1))
SIZES: dict[str, Any] = dict(
    input_hw=(64, 96), num_queries=7, dim=32, encoder_hidden=48, decoder_layers=3,
    decoder_hidden=64,
)  # fmt: skip
MASK2FORMER = Mask2FormerConfig(backbone=SWIN, encoder_layers=2, **SIZES)
PRO_SCALE = ProScaleConfig(backbone=RESNET, stages=(1, 2, 1), **SIZES)
NUM_LABELS = 5


def small_segmenter(
    config: Mask2FormerConfig | ProScaleConfig, num_labels: int = NUM_LABELS
) -> Segmenter:
    """A network in which no parameter is at its neutral start value, nor a statistic."""
    torch.manual_seed(0)
    segmenter = build_segmenter(config, num_labels).eval()
    with torch.no_grad():
        for parameter in segmenter.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.ndim < 2 else 0.05))
        for name, values in segmenter.named_buffers():
            if name.endswith("running_mean"):
                values.normal_(0, 0.2)
            if name.endswith("running_var"):
                values.uniform_(0.5, 2)
    return segmenter


def detectron2_names(weights: Weights) -> Weights:
    """Return weights under the names, and with the fused projections, of detectron2."""
    named: Weights = {}
    fused: dict[str, list[Tensor]] = {}
    for ours, tensor in weights.items():
        if ours.endswith("num_batches_tracked"):
            continue
        part = re.fullmatch(r"(.*attention)\.[qkv]_proj\.(weight|bias)", ours)
        if part is None:
            named[detectron2_name(ours)] = tensor
        else:
            before = ".qkv." if ours.startswith("backbone") else ".in_proj_"
            name = detectron2_name(part[1]) + before + part[2]
            fused.setdefault(name, []).append(tensor)
    assert all(len(parts) == 3 for parts in fused.values())
    return named | {name: torch.cat(parts) for name, parts in fused.items()}


BACKBONE = (
    (r"^patch_embed\.", "patch_embed.proj."),
    (r"^patch_norm\.", "patch_embed.norm."),
    (r"^stages\.(\d)\.norm\.", r"norm\1."),
    (r"^stages\.(\d)\.merge\.", lambda found: f"layers.{int(found[1]) - 1}.downsample."),
    (r"^stages\.", "layers."),
    (r"\.attention\b", ".attn"),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.attn\.position_bias$", ".attn.relative_position_bias_table"),
    (r"^conv1\.", "stem.conv1."),
    (r"^bn1\.", "stem.conv1.norm."),
    (r"^layer(\d)\.", lambda found: f"res{int(found[1]) + 1}."),
    (r"\.bn(\d)\.", r".conv\1.norm."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut.norm."),
)
PIXELS = (
    (r"^projections\.", "input_proj."),
    (r"^level_codes$", "transformer.level_embed"),
    (r"^layers\.", "transformer.encoder.layers."),
    (r"\.attention\.", ".self_attn."),
    (r"\.fc(\d)\.", r".linear\1."),
    (r"^recalibration\.weigh\.", "transformer.encoder.token_excite.ops."),
    (r"^lateral\.0\.", "adapter_1."),
    (r"^lateral\.1\.", "adapter_1.norm."),
    (r"^pixel_embedding\.0\.", "layer_1."),
    (r"^pixel_embedding\.1\.", "layer_1.norm."),
)
QUERIES = (
    (r"^query_features$", "query_feat.weight"),
    (r"^query_positions$", "query_embed.weight"),
    (r"^level_codes$", "level_embed.weight"),
    (
        r"^layers\.(\d+)\.(cross|self)_attention\b",
        lambda found: (
            f"transformer_{found[2]}_attention_layers.{found[1]}."
            + {"cross": "multihead_attn", "self": "self_attn"}[found[2]]
        ),
    ),
    (r"^layers\.(\d+)\.norm1\.", r"transformer_cross_attention_layers.\1.norm."),
    (r"^layers\.(\d+)\.norm2\.", r"transformer_self_attention_layers.\1.norm."),
    (r"^layers\.(\d+)\.norm3\.", r"transformer_ffn_layers.\1.norm."),
    (r"^layers\.(\d+)\.fc(\d)\.", r"transformer_ffn_layers.\1.linear\2."),
    (r"^norm\.", "decoder_norm."),
    (r"^class_head\.", "class_embed."),
    (r"^mask_head\.(\d)\.", lambda found: f"mask_embed.layers.{int(found[1]) // 2}."),
)
PARTS = {
    "backbone": ("backbone.", BACKBONE),
    "pixel_decoder": ("sem_seg_head.pixel_decoder.", PIXELS),
    "decoder": ("sem_seg_head.predictor.", QUERIES),
}
"""Beginnings of names, ours -> theirs, and what changes behind them, in this order."""


def detectron2_name(ours: str) -> str:
    """Return detectron2's name of a parameter, or of the attention that it belongs to."""
    part, _, rest = ours.partition(".")
    start, changes = PARTS[part]
    for pattern, theirs in changes:
        rest = re.sub(pattern, theirs, rest)
    return start + rest


def write_zoo_pickle(weights: Weights, path: Path, protocol: int = 4, **others: Any) -> Path:
    """Write a file as Mask2Former's zoo has it: arrays of numpy under "model"."""
    arrays = {name: tensor.numpy() for name, tensor in detectron2_names(weights).items()}
    arrays["criterion.empty_weight"] = torch.ones(NUM_LABELS + 1).numpy()
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "zoo", **others}, protocol))
    return path


def write_training_checkpoint(weights: Weights, path: Path) -> Path:
    """Write a file as detectron2's trainer leaves it, PRO-SCALE's release among them."""
    named = detectron2_names(weights)
    named["sem_seg_head.predictor.criterion.empty_weight"] = torch.ones(NUM_LABELS + 1)
    optimizer = {"state": {0: {"step": 7}}, "param_groups": [{"lr": 1e-4}]}
    torch.save({"model": named, "optimizer": optimizer, "iteration": 7}, path)
    return path
