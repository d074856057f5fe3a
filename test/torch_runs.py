# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run folders, opened by backend torch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from psg_ros.config import PipelineConfig
from psg_ros.robot.pipeline import Pipeline

LOW = {"score": 0.1, "overlap": 0.1, "relation": 0.0}
"""Thresholds with which random weights find something."""
SEEDS = {"eomt": 3, "pro_scale": 12, "yoso": 30}
"""Of weights that find several segments in the first picture."""


def open_run(run: Path, config: PipelineConfig | None = None, **settings: Any) -> Pipeline:
    """Open a run folder by the name of its backend."""
    config = config or PipelineConfig()
    return Pipeline.open(dataclasses.replace(config, model=str(run), backend="torch", **settings))


def digest_of_run(run: Path) -> str:
    """Return the digest of what a run folder holds."""
    with open_run(run, PipelineConfig()) as pipeline:
        return pipeline.model_sha256
