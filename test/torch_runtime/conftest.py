# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network whose random weights find several segments in noise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig


@pytest.fixture
def make_model() -> Callable[..., DsFlash]:
    """A function that builds it, with settings of its relation stage."""

    def make(**relations) -> DsFlash:
        torch.manual_seed(3)
        segmenter = EomtConfig(
            input_hw=(96, 144), dim=32, depth=2, num_heads=2, num_queries=12,
            num_query_blocks=1, taps=(0, 1), stem="convolution",
        )  # fmt: skip
        settings = {"dim": 32, "depth": 2, "num_heads": 2, "head_hidden": 16, "cell_patches": 2}
        config = ModelConfig(
            "small", segmenter=segmenter, relations=RelationConfig(**(settings | relations))
        )
        model = build_dsflash(config, 5, 4).eval()
        with torch.no_grad():
            model.segmenter.queries.mul_(3)
            for layer, gain in (
                (model.segmenter.class_head, 8),
                (model.segmenter.mask_head[-1], 25),
            ):
                layer.weight.mul_(gain)
                layer.bias.zero_()
        return model

    return make
