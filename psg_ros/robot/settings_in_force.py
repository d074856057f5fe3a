# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What applies: the configured value, or what the model recommends where none is configured."""

from __future__ import annotations

from psg_ros.backend_table import AUTO
from psg_ros.config import PipelineConfig
from psg_ros.robot.forms import MergeSettings
from psg_ros.robot.manifest import Manifest
from psg_ros.setting_fields import MODEL_THRESHOLD


def relation_threshold(config: PipelineConfig, manifest: Manifest) -> float:
    """Return the score from which on a relation is listed."""
    return _in_force(config.relation_threshold, manifest.relation_threshold)


def merge_settings(config: PipelineConfig, manifest: Manifest) -> MergeSettings:
    """Return how a form turns masks into segments."""
    return MergeSettings(
        _in_force(config.score_threshold, manifest.score_threshold),
        _in_force(config.overlap_threshold, manifest.overlap_threshold),
        config.merge_resolution,
        config.min_segment_area,
    )


def relation_source(config: PipelineConfig, manifest: Manifest, *, relates: bool) -> str:
    """Return what relates segments, never "auto": as configured, else as the model asks.

    Args:
        relates: the model has a relation stage.
    """
    for wanted in (config.relation_source, manifest.relation_source):
        if wanted != AUTO:
            return wanted
    return "model" if relates else "geometry"


def _in_force(configured: float, recommended: float) -> float:
    return recommended if configured == MODEL_THRESHOLD else configured
