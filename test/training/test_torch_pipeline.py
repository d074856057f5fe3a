# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run measured in torch is the model that its export is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from backends import needs

from psg_ros.__main__ import main
from psg_ros.config import PipelineConfig, Recommendation, load_config
from psg_ros.frame import Frame
from psg_ros.pictures.picture_file import read_image
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec, load_model_folder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.training import train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.config import TrainConfig
from psg_ros.training.relations import relations
from psg_ros.training.release import export_model
from psg_ros.training.segmenter import segmentation_run
from psg_ros.training.torch_pipeline import TorchBackend, TorchTensor, open_run

LOW = {"score": 0.1, "overlap": 0.1, "relation": 0.0}
"""Thresholds with which random weights find something."""
OF_FILES = {"file", "sha256"}


@pytest.fixture
def write_run(write_config, tiny_share: Path, tiny_network: dict) -> Callable[..., Path]:
    """A function that writes a finished run with random weights and settings of its relations."""

    def write(**settings: Any) -> Path:
        network = {**tiny_network, "relations": {**tiny_network["relations"], **settings}}
        (tiny_share / "config" / "model" / "tiny.yaml").write_text(yaml.safe_dump(network))
        config_path = write_config()
        config = load_config(TrainConfig, config_path)
        torch.manual_seed(3)
        model = train.build_model(config, train.vocabulary_of(config))
        folder = Path(config.out)
        save_weights(model.segmenter.state_dict(), folder / segmentation_run.WEIGHTS)
        save_weights(model.relations.state_dict(), folder / relations.WEIGHTS)
        (folder / train.CONFIG_COPY).write_text(config_path.read_text())
        return folder

    return write


def judge(arguments: list[str], file: Path) -> dict:
    """Run `psg evaluate`; return what it writes, without what differs between equal runs."""
    assert main(["evaluate", *arguments, "--json", str(file)]) == 0
    content = json.loads(file.read_text())
    content.pop("run")
    return content


def numbers(content: Any) -> list[float]:
    """Return all numbers of nested JSON in order; NaN in place of null."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        return [number for part in content for number in numbers(part)]
    return [] if isinstance(content, str) else [np.nan if content is None else float(content)]


@pytest.fixture(params=["dense", pytest.param("pruned", marks=pytest.mark.slow)])
def both(request, write_run, tmp_path: Path) -> tuple[Path, Path]:
    """A run, and the model folder that it was exported to."""
    run = write_run(prune=request.param == "pruned")
    return run, export_model(run, tmp_path / "model", Recommendation(**LOW))


@needs("onnxruntime")
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_run_is_what_its_export_is(both, tiny_psg, tmp_path, capsys):
    run, model = both
    say_the_same_of_a_picture(run, model, tiny_psg / "0.png")
    have_the_same_manifest(run, model)
    for task in ("sgdet", "predcls"):
        common = [str(tiny_psg), "--split", "train", "--task", task, "--k", "1,2,20,pairs"]
        common += [f"--{name}-threshold={value}" for name, value in LOW.items()]
        in_torch = judge([*common, "--run", str(run)], tmp_path / "torch.json")
        assert "tiny on torch" in capsys.readouterr().out
        fast = ["--model", str(model), "--backend", "onnxruntime", "--threads", "1"]
        exported = judge([*common, *fast], tmp_path / "exported.json")
        assert (in_torch.pop("backend"), exported.pop("backend")) == ("torch", "onnxruntime")
        assert in_torch.pop("model_sha256") != exported.pop("model_sha256"), "of other files"
        assert in_torch["num_images"] == 5 and in_torch["model"] == exported["model"]
        np.testing.assert_allclose(numbers(in_torch), numbers(exported), atol=1e-6, rtol=0)
    # Mean scores and the like are of continuous numbers; without them all could be zeros.
    assert 0 < in_torch["score"]["calibration_error"] < 1


def say_the_same_of_a_picture(run: Path, model: Path, picture: Path) -> None:
    image, options = read_image(picture), {"backend": "onnxruntime", "threads": 1}
    with Pipeline.open(PipelineConfig(model=str(model), **options)) as pipeline:
        expected = pipeline(Frame(image))
    config = PipelineConfig(**{f"{name}_threshold": value for name, value in LOW.items()})
    with open_run(run, config) as pipeline:
        found = pipeline(Frame(image))
    assert found.segmentation.num_segments > 1
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    np.testing.assert_array_equal(found.relation_scores.pairs, expected.relation_scores.pairs)
    logits = found.relation_scores.logits, expected.relation_scores.logits
    np.testing.assert_allclose(*logits, atol=1e-4)


def have_the_same_manifest(run: Path, model: Path) -> None:
    """The weights are other files, and the export has thresholds of its own."""
    exported = load_model_folder(str(model)).manifest
    with open_run(run, PipelineConfig()) as pipeline:
        described = dataclasses.asdict(pipeline.manifest)
    expected = dataclasses.asdict(exported)
    assert described.pop("score_threshold") == Recommendation().score
    for name in ("overlap_threshold", "relation_threshold"):
        assert described.pop(name) == getattr(Recommendation(), name.removesuffix("_threshold"))
    for content in (described, expected):
        content["artifacts"] = {
            name: {k: v for k, v in artifact.items() if k not in OF_FILES}
            for name, artifact in content["artifacts"].items()
        }
    assert expected | described == expected


def test_given_thresholds_win_over_those_of_an_export(write_run):
    run = write_run()
    with open_run(run, PipelineConfig()) as pipeline:
        assert pipeline.relation_threshold == Recommendation().relation
        assert (pipeline.backend_name, pipeline.config.model) == ("torch", str(run))
    with open_run(run, PipelineConfig(relation_threshold=0.7)) as pipeline:
        assert pipeline.relation_threshold == 0.7


def test_other_weights_have_another_digest(write_run):
    run = write_run()
    first = digest_of(run)
    assert digest_of(run) == first
    model, _, _ = train.load_run(run)
    model.relations.head.mlp[-1].bias.data += 1
    save_weights(model.relations.state_dict(), run / relations.WEIGHTS)
    assert digest_of(run) != first


def digest_of(run: Path) -> str:
    with open_run(run, PipelineConfig()) as pipeline:
        return pipeline.model_sha256


def test_a_closed_run_runs_no_more(write_run):
    pipeline = open_run(write_run(), PipelineConfig())
    pipeline.close()
    pipeline.close()
    with pytest.raises(RuntimeError, match="segmenter.safetensors was closed"):
        pipeline(Frame(np.zeros((48, 72, 3), np.uint8)))


@pytest.mark.parametrize(
    "missing", [train.CONFIG_COPY, segmentation_run.WEIGHTS, relations.WEIGHTS]
)
def test_an_unfinished_run_is_named(write_run, tiny_psg, missing, capsys):
    run = write_run()
    (run / missing).unlink()
    assert main(["evaluate", str(tiny_psg), "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert str(run) in error and missing in error


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_a_device_that_is_not_there_is_named(write_run, tiny_psg, capsys):
    arguments = ["evaluate", str(tiny_psg), "--run", str(write_run()), "--device", "cuda"]
    assert main(arguments) == 1
    assert "no CUDA" in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_gpu_says_what_the_processor_says(write_run, tiny_psg, tmp_path):
    common = [str(tiny_psg), "--split", "train", "--run", str(write_run())]
    on_gpu, on_cpu = (
        judge([*common, "--device", device], tmp_path / f"{device}.json")
        for device in ("cuda", "cpu")
    )
    np.testing.assert_allclose(numbers(on_gpu), numbers(on_cpu), atol=0.1)


def test_a_kept_output_stays_in_torch_and_goes_into_the_next_network(monkeypatch):
    class Double(torch.nn.Module):
        def forward(self, x):
            return (2 * x,)

    spec = ArtifactSpec(
        "x.onnx", "", (TensorSpec("x", "float32", (2,)),), (TensorSpec("y", "float32", (2,)),)
    )
    first, second = TorchBackend(Double(), spec, "cpu"), TorchBackend(Double(), spec, "cpu")
    kept = first.run({"x": np.ones(2, np.float32)}, keep=("y",))["y"]
    assert isinstance(kept, TorchTensor) and kept.numpy().tolist() == [2, 2]
    assert (kept.shape, kept.dtype, first.device) == ((2,), np.float32, "cpu")
    monkeypatch.setattr(TorchTensor, "numpy", lambda self: pytest.fail("it came to the host"))
    (passed_on,) = second.run({"x": kept}, keep=("y",)).values()
    assert passed_on.tensor.tolist() == [4, 4]
