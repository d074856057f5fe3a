# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks so small that a step of training takes milliseconds, one for each kind of segmenter."""

from __future__ import annotations

from typing import Any

import pytest

RELATIONS = {"dim": 16, "depth": 2, "num_heads": 2, "head_hidden": 16, "cell_patches": 1}


EOMT: dict[str, Any] = {
    "name": "tiny",
    "segmenter": {
        "input_hw": [32, 48],
        "dim": 16,
        "depth": 3,
        "num_heads": 2,
        "stem": "convolution",
        "num_registers": 1,
        "num_queries": 5,
        "num_query_blocks": 2,
        "taps": [0, 2],
    },
    "relations": RELATIONS,
}
PRO_SCALE: dict[str, Any] = {
    "name": "tiny",
    "segmenter": {
        "type": "pro_scale",
        "input_hw": [64, 96],
        "num_queries": 5,
        "backbone": {
            "type": "swin",
            "width": 8,
            "depths": [2, 1, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window": 3,
        },
        "dim": 64,
        "num_heads": 2,
        "num_points": 2,
        "encoder_hidden": 32,
        "stages": [1, 1, 1],
        "decoder_layers": 3,
        "decoder_hidden": 32,
    },
    "relations": RELATIONS,
}
YOSO: dict[str, Any] = {
    "name": "tiny",
    "segmenter": {
        "type": "yoso",
        "input_hw": [64, 96],
        "num_queries": 5,
        "backbone": {
            "type": "resnet",
            "block": "basic",
            "width": 4,
            "depths": [1, 1, 1, 1],
            "norm": "batch",
        },
        "dim": 16,
        "num_heads": 2,
        "neck_width": 8,
        "decoder_hidden": 32,
    },
    "relations": RELATIONS,
}
NETWORKS = {"eomt": EOMT, "pro_scale": PRO_SCALE, "yoso": YOSO}
PHASES_HW = {
    "eomt": ([16, 32], [32, 48]),
    "pro_scale": ([64, 64], [64, 96]),
    "yoso": ([64, 64], [64, 96]),
}
"""Sizes of pictures that the two phases of a training of each have."""
every_segmenter = pytest.mark.parametrize("tiny_network", NETWORKS, indirect=True)
"""Mark of a test of training that holds for all kinds; others take EoMT."""
