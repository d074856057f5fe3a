# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model folder to graft from, of a tiny network."""

from __future__ import annotations

from pathlib import Path

import torch

from psg_ros.config import Recommendation
from psg_ros.labels import load_vocabulary
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.resources import share_path
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.release import release

SIZES = EomtConfig(
    input_hw=(32, 48), dim=16, depth=3, num_heads=2, stem="convolution", num_registers=1,
    num_queries=5, num_query_blocks=2, taps=(0, 2),
)  # fmt: skip


def write_donor(folder: Path, sizes: EomtConfig = SIZES) -> Path:
    """Return a model folder of the simulation's labels, random but not plain.

    Beside it are the same weights in torch's names: `weights.safetensors`.
    """
    torch.manual_seed(0)
    vocabulary = load_vocabulary(share_path() / "config" / "labels" / "simulation.yaml")
    relations = RelationConfig(dim=16, depth=1, num_heads=2, head_hidden=16, cell_patches=1)
    config = ModelConfig("tiny", segmenter=sizes, relations=relations)
    model = build_dsflash(config, vocabulary.num_labels, vocabulary.num_predicates).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.add_(0.1 * torch.rand_like(value))
    save_weights(model.segmenter.state_dict(), folder / "weights.safetensors")
    return release(model, "simulation", folder / "model", Recommendation())
