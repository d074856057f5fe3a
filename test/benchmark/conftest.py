# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a network small enough to measure in every test."""

from __future__ import annotations

import pytest

from psg_ros.benchmark.ladder.settings import LadderSettings

TINY_MODEL = {
    "name": "tiny",
    "segmenter": {
        "input_hw": [192, 192],
        "dim": 32,
        "depth": 2,
        "num_heads": 2,
        "num_queries": 16,
        "num_query_blocks": 1,
        "taps": [0, 1],
    },
    "relations": {"dim": 24, "depth": 2, "num_heads": 2, "head_hidden": 16},
}


@pytest.fixture
def tiny_settings() -> LadderSettings:
    """Five masks in a 4:3 picture, one frame."""
    return LadderSettings(
        model=TINY_MODEL, masks=5, repeats=1, warmup=0, threads=1, size_hw=(144, 192)
    )
