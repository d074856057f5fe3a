# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One step in a process of its own: what comes back, and what a failure looks like."""

import dataclasses
import json

import pytest

from psg_ros.benchmark.ladder.child import measure
from psg_ros.benchmark.ladder.settings import (
    RunWeights,
    measure_in_child,
    result_from_dict,
    settings_from_dict,
)
from psg_ros.benchmark.ladder.steps import DEPLOYED, DSFORMER, PACKED, RAW, SHARED


def test_settings_survive_the_way_to_the_child(tiny_settings):
    for settings in (
        tiny_settings,
        dataclasses.replace(tiny_settings, weights=RunWeights("a", "b"), image="photo.jpg"),
    ):
        carried = json.loads(json.dumps(dataclasses.asdict(settings)))
        assert settings_from_dict(carried) == settings


def test_result_holds_what_the_step_did_and_survives_the_way_back(tiny_settings):
    settings = dataclasses.replace(tiny_settings, repeats=3)
    result = measure(RAW, settings)
    assert (result.masks, result.sequences, result.relations) == (5, 10, 20)
    assert result.mean_tokens == 16 + 2
    assert len(result.timing.wall_ms) == len(result.timing.cpu_ms) == 3
    assert result.relations_per_s == pytest.approx(20_000 / result.timing.median_ms)
    assert result_from_dict(json.loads(json.dumps(dataclasses.asdict(result)))) == result


def test_work_of_a_batch_is_that_of_its_pictures(tiny_settings):
    batch = measure(RAW, dataclasses.replace(tiny_settings, batch=3))
    assert batch.gflop == pytest.approx(3 * measure(RAW, tiny_settings).gflop)
    assert batch.relations_per_s == pytest.approx(60_000 / batch.timing.median_ms)


def test_packed_step_computes_fewer_tokens_than_the_dense_one(tiny_settings):
    assert measure(PACKED, tiny_settings).mean_tokens < measure(RAW, tiny_settings).mean_tokens


def test_step_is_measured_in_a_child_with_its_own_peak_of_memory(tiny_settings):
    row = measure_in_child(SHARED, tiny_settings)
    assert row.failure == ""
    assert row.result.sequences == 20
    assert 100 < row.result.peak_mib < 1500


def test_failure_of_a_step_says_why(tiny_settings):
    # 144 px are not a whole number of DSFormer's cells.
    model = {
        **tiny_settings.model,
        "segmenter": {**tiny_settings.model["segmenter"], "input_hw": [144, 192]},
    }
    row = measure_in_child(DSFORMER, dataclasses.replace(tiny_settings, model=model))
    assert row.result is None
    assert "must be multiples of 32 px" in row.failure


@pytest.mark.parametrize(
    ("step", "change", "named"),
    [
        (RAW, {"device": "cuda:99"}, "cuda"),
        (RAW, {"masks": 17}, "17 masks"),
        (DEPLOYED, {"batch": 2}, "one picture at a time"),
    ],
)
def test_impossible_orders_are_refused(step, change, named, tiny_settings):
    with pytest.raises((RuntimeError, ValueError), match=named):
        measure(step, dataclasses.replace(tiny_settings, **change))


def test_lost_segments_are_an_error_not_a_smaller_figure(tiny_settings):
    with pytest.raises(RuntimeError, match="kept . of 15 segments"):
        measure(RAW, dataclasses.replace(tiny_settings, masks=15, size_hw=(4, 4)))
