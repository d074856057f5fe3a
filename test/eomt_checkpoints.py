# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small EoMT under the names of both public layouts, written down here a second time."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from psg_ros.labels import load_vocabulary
from psg_ros.network.layers import PIXEL_MEAN, PIXEL_STD
from psg_ros.network.segmenters.eomt import Eomt
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.resources import share_path

Weights = dict[str, Tensor]
NUM_LABELS = 133


@dataclass(frozen=True)
class Layout:
    """Beginnings of names, ours -> theirs; `blocks` holds the parts of one block."""

    whole: dict[str, str]
    block_start: str
    blocks: dict[str, str]

    def translate(self, weights: Weights) -> Weights:
        return {self.name(name): tensor for name, tensor in weights.items()}

    def name(self, ours: str) -> str:
        match = re.fullmatch(r"blocks\.(\d+)\.(.+)", ours)
        start = f"{self.block_start}{match[1]}." if match else ""
        part, table = (match[2], self.blocks) if match else (ours, self.whole)
        key = next(key for key in table if part == key or part.startswith(f"{key}."))
        return start + table[key] + part.removeprefix(key)


SAME = {name: name for name in ("norm1", "norm2", "layer_scale1", "layer_scale2")}
QKV = {f"attention.{letter}_proj": f"attention.{letter}_proj" for letter in "qkv"}
UP_DOWN = {"mlp.fc1": "mlp.up_proj", "mlp.fc2": "mlp.down_proj"}
UPSTREAM_HEADS = {
    "norm": "network.encoder.backbone.norm",
    "queries": "network.q.weight",
    "class_head": "network.class_head",
    "mask_head": "network.mask_head",
    "upscale": "network.upscale",
}
DINOV2 = Layout(
    UPSTREAM_HEADS
    | {
        "cls_token": "network.encoder.backbone.cls_token",
        "register_tokens": "network.encoder.backbone.reg_token",
        "position_embedding": "network.encoder.backbone.pos_embed",
        "stem": "network.encoder.backbone.patch_embed.proj",
    },
    "network.encoder.backbone.blocks.",
    {
        "norm1": "norm1",
        "norm2": "norm2",
        "attention.q_proj": "attn.q",
        "attention.k_proj": "attn.k",
        "attention.v_proj": "attn.v",
        "attention.out_proj": "attn.proj",
        "layer_scale1.lambda1": "ls1.gamma",
        "layer_scale2.lambda1": "ls2.gamma",
        "mlp": "mlp",
    },
)
DINOV3 = Layout(
    UPSTREAM_HEADS
    | {
        "cls_token": "network.encoder.backbone.patch_embed.cls_token",
        "register_tokens": "network.encoder.backbone.patch_embed.register_tokens",
        "stem": "network.encoder.backbone.patch_embed.patch_embeddings",
    },
    "network.encoder.backbone.blocks.",
    SAME | QKV | UP_DOWN | {"attention.out_proj": "attention.o_proj"},
)
DINOV3_BACKBONE = Layout(
    {
        "cls_token": "embeddings.cls_token",
        "register_tokens": "embeddings.register_tokens",
        "stem": "embeddings.patch_embeddings",
        "norm": "norm",
    },
    "layer.",
    SAME | QKV | UP_DOWN | {"attention.out_proj": "attention.o_proj"},
)
ORIGINAL_BLOCKS = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attention.q_proj": "attn.q",
    "attention.k_proj": "attn.k",
    "attention.v_proj": "attn.v",
    "attention.out_proj": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "mlp": "mlp",
}
DINOV3_ORIGINAL = Layout(
    {
        "cls_token": "cls_token",
        "register_tokens": "storage_tokens",
        "stem": "patch_embed.proj",
        "norm": "norm",
    },
    "blocks.",
    ORIGINAL_BLOCKS,
)
LIGHTLY_TRAIN = Layout(
    {
        **{ours: f"model.backbone.{theirs}" for ours, theirs in DINOV3_ORIGINAL.whole.items()},
        "queries": "model.queries.weight",
        "class_head": "model.class_head",
        "mask_head": "model.mask_head",
        "upscale": "model.upscale",
    },
    "model.backbone.blocks.",
    ORIGINAL_BLOCKS,
)
TRANSFORMERS_4 = Layout(  # its DINOv2 family, before the names were shortened
    {
        "cls_token": "model.embeddings.cls_token",
        "register_tokens": "model.embeddings.register_tokens",
        "position_embedding": "model.embeddings.position_embeddings.weight",
        "stem": "model.embeddings.patch_embeddings.projection",
        "norm": "layernorm",
        "queries": "query.weight",
        "class_head": "class_predictor",
        "mask_head.0": "mask_head.fc1",
        "mask_head.2": "mask_head.fc2",
        "mask_head.4": "mask_head.fc3",
        "upscale.0.norm": "upscale_block.block.0.layernorm2d",
        "upscale.1.norm": "upscale_block.block.1.layernorm2d",
        "upscale": "upscale_block.block",
    },
    "model.encoder.layers.",
    SAME | QKV | {"attention.out_proj": "attention.proj_out", "mlp": "mlp"},
)


def small_config(family: str) -> EomtConfig:
    learned = family == "DINOv2"
    return EomtConfig(
        input_hw=(96, 96), dim=128, depth=4, num_heads=2, num_queries=6, num_query_blocks=2,
        taps=(0, 1, 2, 3), position="learned" if learned else "rope", key_bias=learned,
        norm_eps=1e-6 if learned else 1e-5,
    )  # fmt: skip


def small_weights(family: str) -> Weights:
    """Weights of our own network, none at its start value."""
    torch.manual_seed(0)
    weights = Eomt(small_config(family), NUM_LABELS).state_dict()
    return {name: tensor + 0.1 * torch.randn_like(tensor) for name, tensor in weights.items()}


def upstream_weights(family: str, weights: Weights) -> Weights:
    """A state dict as EoMT's own code saves it, with what belongs to no parameter."""
    if family == "DINOv2":
        theirs = fused(DINOV2.translate(weights))
        position = "network.encoder.backbone.pos_embed"
        theirs[position] = theirs[position][None]
    else:
        theirs = DINOV3.translate(weights)
    return theirs | {
        "network.attn_mask_probs": torch.zeros(2),
        "network.encoder.pixel_mean": torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1),
        "network.encoder.pixel_std": torch.tensor(PIXEL_STD).view(1, 3, 1, 1),
        "criterion.empty_weight": torch.ones(NUM_LABELS + 1),
    }


def original_backbone(weights: Weights, prefix: str = "") -> Weights:
    """A DINOv3 backbone as its own code saves it: keys have a bias that a mask takes away."""
    layout = DINOV3_ORIGINAL if not prefix else LIGHTLY_TRAIN
    theirs = layout.translate(weights)
    for name in [name for name in theirs if name.endswith("attn.q.bias")]:
        theirs[name.replace(".q.", ".k.")] = torch.randn_like(theirs[name])
    theirs = fused(theirs)
    for name in [name for name in theirs if name.endswith("attn.qkv.bias")]:
        mask = torch.ones(3, len(theirs[name]) // 3)
        mask[1] = 0
        theirs[f"{name}_mask"] = mask.flatten()
    return theirs | {
        f"{prefix}mask_token": torch.zeros(1, weights["cls_token"].shape[-1]),
        f"{prefix}rope_embed.periods": 100.0 ** (torch.arange(16) / 16),
    }


def lightly_train_checkpoint(weights: Weights, config: EomtConfig) -> dict:
    """What LightlyTrain writes of an EoMT: state of the training, class path, arguments."""
    labels = load_vocabulary(share_path() / "config" / "labels" / "psg.yaml").labels
    things = {i: label.name for i, label in enumerate(labels) if label.is_thing}
    stuff = {i: label.name for i, label in enumerate(labels) if not label.is_thing}
    state = original_backbone(weights, "model.backbone.")
    return {
        "model_class_path": "lightly_train._task_models.somewhere.DINOv3EoMTPanopticSegmentation",
        "model_init_args": {
            "model_name": "dinov3/vits16-eomt",
            "thing_classes": things,
            "stuff_classes": stuff,
            "image_size": config.input_hw,
            "image_normalize": {"mean": PIXEL_MEAN, "std": PIXEL_STD},
            "num_queries": config.num_queries,
            "num_joint_blocks": config.num_query_blocks,
        },
        "train_model": state | {"criterion.empty_weight": torch.ones(NUM_LABELS + 1)},
    }


def fused(theirs: Weights) -> Weights:
    """One tensor for query, key and value of a block, as timm has it."""
    joined = {name: t for name, t in theirs.items() if not re.search(r"attn\.[qkv]\.", name)}
    for name in theirs:
        if ".attn.q." in name:
            parts = [theirs[name.replace(".q.", f".{letter}.")] for letter in "qkv"]
            joined[name.replace(".q.", ".qkv.")] = torch.cat(parts)
    return joined


def save_published_s(folder: Path) -> Path:
    """Write EoMT-S at its published size, random weights, as transformers saves it."""
    transformers = pytest.importorskip("transformers")
    config = transformers.EomtConfig(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, num_labels=133, num_blocks=3
    )
    torch.manual_seed(0)
    transformers.EomtForUniversalSegmentation(config).save_pretrained(folder)
    return folder
