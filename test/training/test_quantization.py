# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model folder gets int8 files: all or nothing, with what they lose."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_model import paint

pytest.importorskip("onnx")

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.manifest import MANIFEST_FILE, load_model_folder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.training import quantization
from psg_ros.training.quantization import NetworkInputs, quantize_model

RED, BLUE = {"red": (8, 8, 30, 40)}, {"blue": (40, 10, 90, 60), "cyan": (0, 0, 20, 20)}
PICTURES = [partial(paint, (64, 96), boxes) for boxes in (RED, BLUE)] * 4


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture
def quantized_by_copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """What NNCF does is not at stake where files and figures are looked at."""

    def copy(source: Path, target: Path, inputs: NetworkInputs, num_inputs: int) -> None:
        assert num_inputs == len(list(inputs)) == len(list(inputs)) == len(PICTURES)
        shutil.copyfile(source, target)

    monkeypatch.setattr(quantization, "quantize_file", copy)


def judge(folder: Path, precision: str) -> dict[str, float]:
    with Pipeline.open(PipelineConfig(str(folder), precision=precision)) as pipeline:
        assert pipeline.precision.startswith(precision)
    return {"PQ": {"fp32": 70.0, "int8": 69.6}[precision], "mR@50": float("nan")}


def test_the_network_sees_pictures_as_it_does_on_the_robot(folder: Path) -> None:
    inputs = list(NetworkInputs(load_model_folder(str(folder)), PICTURES[:2]))
    assert [set(one) for one in inputs] == [{"image"}] * 2
    assert inputs[0]["image"].shape == (1, 64, 96, 3)
    np.testing.assert_array_equal(inputs[0]["image"][0], paint((64, 96), RED))
    np.testing.assert_array_equal(inputs[1]["image"][0], paint((64, 96), BLUE))


def test_the_manifest_says_what_int_8_loses(folder: Path, quantized_by_copying) -> None:
    int8, scores = quantize_model(str(folder), PICTURES, judge, "psg quantize model")
    assert set(scores) == {"fp32", "int8"}
    assert int8.pq_loss == 0.4 and int8.mean_recall_loss is None, "it has no relations to judge"
    found = load_model_folder(str(folder)).manifest.int8
    assert found == int8 and found.made_by == "psg quantize model"
    assert (folder / "segmenter.int8.onnx").is_file()


def test_without_a_judge_nothing_is_claimed(folder: Path, quantized_by_copying) -> None:
    int8, scores = quantize_model(str(folder), PICTURES, None, "psg quantize model")
    assert int8.pq_loss is int8.mean_recall_loss is None and not scores


def test_a_failure_leaves_the_model_as_it_was(folder: Path, quantized_by_copying) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*_: object) -> dict[str, float]:
        raise ValueError("no such data set")

    with pytest.raises(ValueError, match="no such data set"):
        quantize_model(str(folder), PICTURES, fail, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_form_without_a_segmenter_is_named(folder: Path) -> None:
    manifest = yaml.safe_load((folder / MANIFEST_FILE).read_text())
    manifest["artifacts"] = {"fused": manifest["artifacts"]["segmenter"]}
    manifest["form"] = "fused"
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest))
    with pytest.raises(ValueError, match="fused"):
        quantize_model(str(folder), PICTURES, None, "")


def test_int_8_answers_as_fp32_does_from_a_quarter_of_the_weights(folder: Path) -> None:
    pytest.importorskip("nncf", reason="needs the extra quantize")
    quantize_model(str(folder), PICTURES, None, "")
    frame = Frame(paint((64, 96), RED | BLUE))
    found = {}
    for precision in ("fp32", "int8"):
        with Pipeline.open(PipelineConfig(str(folder), precision=precision)) as pipeline:
            found[precision] = {node.class_name for node in pipeline(frame).nodes}
    assert found["int8"] == found["fp32"] == {"red", "blue", "cyan"}
