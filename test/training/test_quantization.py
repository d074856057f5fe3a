# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model folder gets files in eight bits: all or nothing, with what they lose."""

from __future__ import annotations

import shutil
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_model import paint

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime", reason="measures ranges and runs both files")

from psg_ros.backend_table import FP8, INT8, TWINS
from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.media import open_media
from psg_ros.resources import share_path
from psg_ros.robot.manifest import MANIFEST_FILE, TwinLoss, load_model_folder
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
    """What is in a file is not at stake where files and figures are looked at."""

    def copy(source: Path, target: Path, kind: str, inputs: NetworkInputs) -> None:
        assert len(list(inputs)) == len(inputs) == len(PICTURES)
        shutil.copyfile(source, target)

    monkeypatch.setattr(quantization, "quantize_file", copy)


def judge(folder: Path, backend: str, kind: str) -> dict[str, float]:
    assert not kind or load_model_folder(str(folder)).manifest.twins[kind]
    lost = {"onnxruntime": 0.4, "openvino": 60.0}[backend] if kind else 0.0
    return {"PQ": 70.0 - lost, "mR@50": float("nan")}


def test_the_network_sees_pictures_as_it_does_on_the_robot(folder: Path) -> None:
    inputs = list(NetworkInputs(load_model_folder(str(folder)), PICTURES[:2]))
    assert [set(one) for one in inputs] == [{"image"}] * 2
    assert inputs[0]["image"].shape == (1, 64, 96, 3)
    np.testing.assert_array_equal(inputs[0]["image"][0], paint((64, 96), RED))
    np.testing.assert_array_equal(inputs[1]["image"][0], paint((64, 96), BLUE))


@pytest.mark.parametrize("kind", TWINS)
def test_the_manifest_says_what_is_lost(folder: Path, quantized_by_copying, kind: str) -> None:
    twins, scores = quantize_model(str(folder), kind, PICTURES, judge, "psg quantize model")
    assert twins.losses["onnxruntime"] == TwinLoss(0.4), "it has no relations to judge"
    assert scores["onnxruntime"][""]["PQ"] == 70.0 and scores["onnxruntime"][kind]["PQ"] == 69.6
    found = load_model_folder(str(folder)).manifest.twins
    assert found == {kind: twins} and twins.made_by == "psg quantize model"
    assert (folder / f"segmenter.{kind}.onnx").is_file()


def test_int8_is_judged_by_the_backend_that_auto_runs_it_in(folder, quantized_by_copying) -> None:
    pytest.importorskip("openvino")
    twins, _ = quantize_model(str(folder), INT8, PICTURES, judge, "")
    assert twins.losses == {"openvino": TwinLoss(60.0), "onnxruntime": TwinLoss(0.4)}
    twins, _ = quantize_model(str(folder), FP8, PICTURES, judge, "")
    assert list(twins.losses) == ["onnxruntime"], "auto never takes fp8"


def test_one_kind_leaves_the_other_alone(folder: Path, quantized_by_copying) -> None:
    for kind in TWINS:
        quantize_model(str(folder), kind, PICTURES, None, kind)
    found = load_model_folder(str(folder)).manifest.twins
    assert {kind: twins.made_by for kind, twins in found.items()} == {"int8": "int8", "fp8": "fp8"}


def test_without_a_judge_nothing_is_claimed(folder: Path, quantized_by_copying) -> None:
    twins, scores = quantize_model(str(folder), INT8, PICTURES, None, "psg quantize model")
    assert not twins.losses and not scores


def test_a_failure_leaves_the_model_as_it_was(folder: Path, quantized_by_copying) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*_: object) -> dict[str, float]:
        raise ValueError("no such data set")

    with pytest.raises(ValueError, match="no such data set"):
        quantize_model(str(folder), INT8, PICTURES, fail, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_form_without_a_segmenter_is_named(folder: Path) -> None:
    manifest = yaml.safe_load((folder / MANIFEST_FILE).read_text())
    manifest["artifacts"] = {"fused": manifest["artifacts"]["segmenter"]}
    manifest["form"] = "fused"
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest))
    with pytest.raises(ValueError, match="fused"):
        quantize_model(str(folder), INT8, PICTURES, None, "")


@pytest.mark.parametrize("kind", TWINS)
def test_the_demo_model_finds_in_eight_bits_what_it_finds_in_fp32(tmp_path: Path, kind: str):
    pytest.importorskip("av", reason="reads the clip")
    folder = shutil.copytree(share_path() / "models" / "demo", tmp_path / "demo")
    clip = open_media(str(share_path() / "clips" / "rooms" / "pictures.mp4"))
    seen = [frame.image for frame in islice(clip.frames(), 0, 40, 10)]
    quantize_model(str(folder), kind, [partial(seen.__getitem__, i) for i in range(3)], None, "")
    maps = []
    for precision in ("fp32", kind):
        config = PipelineConfig(str(folder), "onnxruntime", precision=precision)
        with Pipeline.open(config) as pipeline:
            found = pipeline(Frame(seen[3])).segmentation
        maps.append(np.append(found.labels, -1)[found.label_map])
    assert (maps[0] == maps[1]).mean() > 0.98
