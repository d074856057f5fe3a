# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The deployed pipeline, step by step."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from tiny_model import paint

from psg_ros.benchmark import stage_report
from psg_ros.benchmark.stage_times import measure_stages
from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.forms import STEPS
from psg_ros.robot.pipeline import Pipeline

SCENE = paint((240, 320), {"red": (20, 20, 100, 100), "blue": (200, 30, 300, 120)})

# Pictures without depth, and a model with a relation stage.
LEARNED_STEPS = [step for step in STEPS if step not in ("depth", "geometry", "positions")]


@pytest.fixture
def report(tiny_model: Path):
    config = PipelineConfig(model=str(tiny_model), threads=1)
    return measure_stages(config, SCENE, frames=4, warmup=1)


def test_steps_of_the_pipeline_add_up_to_its_three_stages_and_to_the_frame(tiny_model: Path):
    with Pipeline.open(PipelineConfig(model=str(tiny_model))) as pipeline:
        assert pipeline.step_ms == {}
        times = pipeline(Frame(SCENE, stamp_ns=0)).times
        assert list(pipeline.step_ms) == LEARNED_STEPS
        for field in ("preprocess_ms", "inference_ms", "postprocess_ms"):
            parts = [ms for step, ms in pipeline.step_ms.items() if STEPS[step] == field]
            assert getattr(times, field) == pytest.approx(sum(parts))


def test_every_step_of_every_frame_is_noted(report):
    assert list(report.steps) == LEARNED_STEPS
    assert all(len(timing.wall_ms) == 4 for timing in report.steps.values())
    assert len(report.frame.wall_ms) == len(report.frame.cpu_ms) == 4
    assert report.facts["segments"] == 2 and report.facts["pairs"] == 1
    for number, frame_ms in enumerate(report.frame.wall_ms):
        parts_ms = sum(timing.wall_ms[number] for timing in report.steps.values())
        assert parts_ms <= frame_ms


def test_picture_file_is_decoded_for_every_frame(tiny_model: Path, tmp_path: Path, report):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), SCENE[..., ::-1])
    config = PipelineConfig(model=str(tiny_model))
    from_file = measure_stages(config, path, frames=2, warmup=0)
    assert set(from_file.around) == {"decode", "drawing"}
    assert set(report.around) == {"drawing"}


def test_missing_picture_is_said(tiny_model: Path, tmp_path: Path):
    config = PipelineConfig(model=str(tiny_model))
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        measure_stages(config, tmp_path / "nowhere.png", frames=1, warmup=0)


def test_table_has_a_bar_for_each_share_of_the_frame(report):
    lines = stage_report.terminal(report).splitlines()
    rows = {line.split("  ")[0]: line for line in lines}
    assert rows["whole frame"].endswith("█" * 30) and "100%" in rows["whole frame"]
    assert "█" not in rows["(drawing)"]
    assert "frames a second" in lines[-1]


def test_markdown_and_json_hold_the_figures(report):
    text = stage_report.markdown(report, "psg benchmark --stages")
    assert text.startswith("    psg benchmark --stages\n")
    assert text.count("\n| ") == 2 + len(LEARNED_STEPS) + 2
    record = stage_report.record(report, "psg benchmark --stages", {"cores": 2}, {"threads": 1})
    content = json.loads(json.dumps(record))
    median, p95 = content["ms_median_p95"]["segmenter"]
    assert 0 < median <= p95
    assert content["frames"] == 4
    assert content["image_hw"] == [240, 320]
