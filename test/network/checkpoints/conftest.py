# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Public checkpoints of a small random EoMT, as files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from eomt_checkpoints import (
    DINOV3_BACKBONE,
    TRANSFORMERS_4,
    Weights,
    small_weights,
    upstream_weights,
)
from safetensors.torch import save_file


@pytest.fixture
def upstream_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a checkpoint in EoMT's own layout, after a change if one is asked for."""

    def write(family: str = "DINOv2", change: Callable = lambda weights: weights) -> Path:
        path = tmp_path / "upstream.bin"
        torch.save(change(upstream_weights(family, small_weights(family))), path)
        return path

    return write


@pytest.fixture
def transformers_4_folder(tmp_path: Path) -> Path:
    """A DINOv2 model as transformers 4 saved it."""
    folder = tmp_path / "transformers_4"
    folder.mkdir()
    weights = TRANSFORMERS_4.translate(small_weights("DINOv2"))
    save_file(weights | {"attn_mask_probs": torch.zeros(2)}, folder / "model.safetensors")
    config = {
        "model_type": "eomt", "hidden_size": 128, "num_hidden_layers": 4, "num_blocks": 2,
        "num_attention_heads": 2, "image_size": 96, "num_queries": 6, "layer_norm_eps": 1e-6,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def difference_files(tmp_path: Path) -> tuple[Path, Path, Weights]:
    """An upstream file of differences to DINOv3, the folder of that backbone, and their sum."""
    heads = ("queries", "class_head", "mask_head", "upscale")
    whole = small_weights("DINOv3")
    backbone = {name: t for name, t in whole.items() if not name.startswith(heads)}
    change = {name: 0.01 * torch.randn_like(tensor) for name, tensor in backbone.items()}
    base = {name: tensor - change[name] for name, tensor in backbone.items()}
    file, folder = tmp_path / "difference.bin", tmp_path / "dinov3"
    torch.save(upstream_weights("DINOv3", whole | change), file)
    folder.mkdir()
    theirs = DINOV3_BACKBONE.translate(base) | {"embeddings.mask_token": torch.zeros(1, 1, 128)}
    save_file(theirs, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"layer_norm_eps": 1e-5}))
    return file, folder, whole
