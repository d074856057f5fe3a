# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""int8 and fp8 files with the backend tensorrt, on a strict fake; nothing ran on a real GPU."""

from __future__ import annotations

import shutil
from contextlib import closing

import numpy as np
import pytest
import yaml
from backends import needs

pytest.importorskip("onnx", reason="makes the twins")
pytest.importorskip("onnxruntime", reason="computes what the fake GPU answers")
import fake_cuda
import onnxruntime
from fake_nvidia import GPU, install

from psg_ros.__main__ import main
from psg_ros.backend_table import TWINS
from psg_ros.config import PipelineConfig
from psg_ros.file_digest import file_sha256
from psg_ros.frame import Frame
from psg_ros.network.half_precision import to_half
from psg_ros.resources import share_path
from psg_ros.robot.calibration import CALIBRATION_FILE
from psg_ros.robot.forms.network_input import NetworkInput
from psg_ros.robot.manifest import MANIFEST_FILE, load_model_folder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime.backend import open_backend
from psg_ros.robot.runtime.refusals import DeviceUnavailable
from psg_ros.robot.runtime.tensorrt import driver
from psg_ros.robot.runtime.tensors import to_host
from psg_ros.training.quantization import quantize_model

pytestmark = needs("onnxruntime")

PATCHES = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
PICTURE = np.kron(PATCHES, np.ones((40, 40, 1), np.uint8))
DEMO = share_path() / "models" / "demo"
ADA = driver.Gpu("RTX 4000 Ada", (8, 9), 20 << 30)
TYPES = {"int8": {"INT8"}, "fp8": {"FLOAT8E4M3FN"}}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The demo model in fp16, with twins of both kinds."""
    folder = shutil.copytree(DEMO, tmp_path_factory.mktemp("twins") / "model")
    (folder / CALIBRATION_FILE).unlink()  # of other weights
    to_half(folder / "segmenter.onnx")
    manifest = yaml.safe_load((folder / MANIFEST_FILE).read_text())
    facts = {"precision": "fp16", "sha256": file_sha256(folder / "segmenter.onnx")}
    manifest["artifacts"]["segmenter"] |= facts
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(manifest))
    for kind in TWINS:
        quantize_model(str(folder), kind, [lambda: PICTURE], None, "")
    return folder


@pytest.fixture
def on(monkeypatch, tmp_path):
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    return lambda card: install(monkeypatch, fake_cuda.Gpu(), card=card)


def precision_of(folder, wanted):
    """Run a picture; return what it was computed in."""
    with Pipeline.open(PipelineConfig(str(folder), "tensorrt", precision=wanted)) as pipeline:
        assert pipeline(Frame(PICTURE)).segmentation.image_hw == PICTURE.shape[:2]
        return pipeline.precision


@pytest.mark.parametrize("kind", TWINS)
def test_an_engine_of_each_kind_gives_the_numbers_of_its_file(on, model, kind):
    trt = on(ADA)
    folder = load_model_folder(str(model))
    spec, path = (
        f("segmenter", twin=kind) for f in (folder.manifest.artifact, folder.artifact_path)
    )
    picture = NetworkInput(folder.manifest)
    picture.write(PICTURE)
    given = {"image": to_host(picture.tensor)}
    with closing(open_backend("tensorrt", path, spec)) as backend:
        found = backend.run(given)
        assert (backend.precision, trt.built_in) == ("fp16", [TYPES[kind]])
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # as it is written
        truth = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        for name, expected in zip(found, truth.run(list(found), given), strict=True):
            np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize("kind", TWINS)
def test_a_pipeline_says_what_it_computes_in(on, model, kind):
    trt = on(ADA)
    assert precision_of(model, kind) == f"{kind}+fp16"
    assert trt.built_in == [TYPES[kind], set()], "the segmenter, and relations as exported"


def test_the_int8_file_that_ships_runs_with_fp32_around_it(on):
    trt = on(GPU)
    assert precision_of(DEMO, "int8") == "int8+fp32"
    assert trt.built_in == [{"INT8"}, set()]


def test_auto_runs_what_was_exported(on, model):
    trt = on(ADA)
    assert precision_of(model, "auto") == "fp16"
    assert trt.built_in == [set(), set()]


def test_a_gpu_without_fp8_is_named_with_what_runs_instead(on, model):
    trt = on(GPU)
    words = (
        r"segmenter.fp8.onnx needs a GPU that computes in fp8, from compute 8.9 on .Ada, Hopper., "
        r"and cuda:0 is Orin .compute 8.7, .*: set precision to int8, or to auto, .* in fp16"
    )
    with pytest.raises(DeviceUnavailable, match=words):
        precision_of(model, "fp8")
    assert trt.builds == 0
    assert precision_of(model, "int8") == "int8+fp16"


def test_engines_of_a_precision_are_built_ahead(on, model, capsys):
    trt = on(ADA)
    assert main(["build-engine", str(model), "--precision", "fp8"]) == 0
    assert "segmenter.fp8.onnx: ready" in capsys.readouterr().out
    precision_of(model, "fp8")
    assert trt.builds == 2, "none at the start"


def test_the_check_reads_every_file(model, capsys):
    assert main(["build-engine", str(model), "--check"]) == 0
    found = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    files = ["segmenter.onnx", "relations.onnx", "segmenter.int8.onnx", "segmenter.fp8.onnx"]
    assert sorted(found) == sorted(files)


def test_a_model_without_such_files_is_refused_with_the_command(on, tiny_model):
    on(ADA)
    assert load_model_folder(str(tiny_model)).manifest.twins == {}
    with pytest.raises(ValueError, match="make them with psg quantize --precision fp8"):
        precision_of(tiny_model, "fp8")
