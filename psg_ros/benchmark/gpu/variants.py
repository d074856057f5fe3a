# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The published sizes without YAML: those of `config/model/dsflash_{s,b,l}.yaml`, by a test."""

from __future__ import annotations

from typing import Any

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.segmenters.table import config_class

_SIZES = {
    "s": {"dim": 384, "depth": 12, "num_heads": 6, "num_query_blocks": 3, "taps": (2, 5, 8, 11)},
    "b": {"dim": 768, "depth": 12, "num_heads": 12, "num_query_blocks": 3, "taps": (2, 5, 8, 11)},
    "l": {
        "dim": 1024,
        "depth": 24,
        "num_heads": 16,
        "num_query_blocks": 4,
        "taps": (5, 11, 17, 23),
    },
}
VARIANTS = tuple(_SIZES)


def model_config(variant: str, *, prune: bool = False) -> ModelConfig:
    """Return the config of DSFlash-S, -B or -L."""
    kind: Any = config_class("eomt")
    return ModelConfig(
        name=f"dsflash_{variant}",
        scaling="eomt",
        segmenter=kind(norm_eps=1e-5, **_SIZES[variant]),
        relations=RelationConfig(prune=prune),
    )
