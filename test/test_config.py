# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Defaults: within their ranges, described, and the ones that each command needs."""

from __future__ import annotations

import dataclasses

import pytest

from psg_ros.config import TRACKING_SETTINGS, EvaluationConfig, PipelineConfig
from psg_ros.setting_files import config_from_dict


def test_every_default_is_within_its_own_range_and_described():
    PipelineConfig()
    assert all(field.metadata["text"] for field in dataclasses.fields(PipelineConfig))


@pytest.mark.parametrize("value", [-1, 0, 0.5, 1])
def test_a_threshold_is_a_share_or_minus_one_for_the_models_own(value):
    config = config_from_dict(PipelineConfig, {"score_threshold": value}, "test")
    assert config.score_threshold == value


def test_the_node_is_fast_and_evaluation_is_comparable():
    fast, comparable = PipelineConfig(), EvaluationConfig()
    assert (fast.merge_resolution, fast.precision) == ("input", "auto")
    other = {"merge_resolution": "image", "precision": "fp32", "min_segment_area": 0.0}
    other |= {"track": False}
    assert vars(comparable) == vars(fast) | other


@pytest.mark.parametrize(
    "values",
    [
        {"track_min_iou": 0.0},
        {"track_min_iou": 1.5},
        {"track_gap_s": -0.5},
        {"track_cut": -1.5},
        {"track_class_weight": 1.1},
        {"track_class_s": 0.0},
        {"track_weak_score": 0.0},
        {"track_confirm_s": float("nan")},
        {"track_coast_s": -1.0},
        {"track_relation_s": 3601.0},
        {"track_relation_confirm": -0.1},
        {"track_relation_release": 1.1},
        {"track_relation_dwell_s": -1.0},
        {"track_relation_fade_s": float("inf")},
    ],
)
def test_senseless_settings_of_tracking_are_refused(values):
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} must lie in"):
        PipelineConfig(**values)


def test_an_evaluation_links_no_images():
    assert not EvaluationConfig().track and PipelineConfig().track
    assert "track" in TRACKING_SETTINGS and set(TRACKING_SETTINGS) < set(vars(PipelineConfig()))
