# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network small enough to build in every test."""

import pytest
import torch

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig

NUM_LABELS, NUM_PREDICATES = 5, 4


@pytest.fixture(params=["rope", "learned"])
def small_model(request: pytest.FixtureRequest) -> DsFlash:
    """Random weights, evaluation mode; rotary and learned positions."""
    torch.manual_seed(0)
    segmenter = EomtConfig(
        input_hw=(96, 144), dim=32, depth=4, num_heads=2, num_queries=6, num_query_blocks=2,
        taps=(0, 1, 2, 3), position=request.param, key_bias=request.param == "learned",
        stem="linear" if request.param == "learned" else "convolution",
    )  # fmt: skip
    relations = RelationConfig(dim=24, depth=2, num_heads=2, head_hidden=16)
    config = ModelConfig("small", segmenter=segmenter, relations=relations)
    return build_dsflash(config, NUM_LABELS, NUM_PREDICATES).eval()
