# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A run measured in torch is the model that its export is."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from absent_packages import hide
from backends import needs
from tiny_networks import every_segmenter
from torch_runs import LOW, digest_of_run, open_run

from psg_ros.__main__ import main
from psg_ros.config import PipelineConfig, Recommendation
from psg_ros.frame import Frame
from psg_ros.node_config import node_parameters
from psg_ros.pictures.picture_file import read_image
from psg_ros.robot.manifest import MANIFEST_FILE, ArtifactSpec, TensorSpec, load_model_folder
from psg_ros.robot.opening import digest_of
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime import backend as backend_module
from psg_ros.robot.runtime.backend import resolve_backend
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.torch_runtime.backend import TorchBackend
from psg_ros.torch_runtime.tensor import TorchTensor
from psg_ros.training import train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.relations import relations
from psg_ros.training.release import Layout, export_model
from psg_ros.training.segmenter import segmentation_run

OF_FILES = {"file", "sha256"}


def judge(arguments: list[str], file: Path) -> dict:
    """Run `psg evaluate`; return what it writes, without what differs between equal runs."""
    assert main(["evaluate", *arguments, "--json", str(file)]) == 0
    content = json.loads(file.read_text(encoding="utf-8"))
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
@every_segmenter
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_run_is_what_its_export_is(both, tiny_psg, tmp_path, capsys):
    run, model = both
    say_the_same_of_a_picture(run, model, tiny_psg / "0.png")
    have_the_same_manifest(run, model)
    agree_network_by_network(run, model, tiny_psg / "0.png", tmp_path / "report.json")
    for task in ("sgdet", "predcls"):
        common = [str(tiny_psg), "--split", "train", "--task", task, "--k", "1,2,20,pairs"]
        common += [f"--{name}-threshold={value}" for name, value in LOW.items()]
        in_torch = judge([*common, "--run", str(run)], tmp_path / "torch.json")
        assert "run on torch" in capsys.readouterr().out
        fast = ["--model", str(model), "--backend", "onnxruntime", "--threads", "1"]
        exported = judge([*common, *fast], tmp_path / "exported.json")
        assert (in_torch.pop("backend"), exported.pop("backend")) == ("torch", "onnxruntime")
        assert in_torch.pop("model_sha256") != exported.pop("model_sha256"), "of other files"
        assert in_torch["num_images"] == 5
        assert (in_torch["model"], exported["model"]) == ("run", "model")
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


def agree_network_by_network(run: Path, model: Path, picture: Path, report: Path) -> None:
    command = ["verify", str(model), str(picture), "--backend", "onnxruntime", "--run", str(run)]
    assert main([*command, "--report", str(report)]) == 0
    written = json.loads(report.read_text(encoding="utf-8"))
    assert written["reference"] == f"torch {torch.__version__}, cpu, fp32"
    assert written["measures"].keys() == {"class", "mask signs", "tokens", "relations"}


def have_the_same_manifest(run: Path, model: Path) -> None:
    """The weights are other files, the export has thresholds and a name of its own."""
    exported = load_model_folder(str(model)).manifest
    with open_run(run, PipelineConfig()) as pipeline:
        described = dataclasses.asdict(pipeline.manifest)
    expected = dataclasses.asdict(exported)
    assert (described.pop("name"), expected["name"]) == (run.name, model.name)
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
    first = digest_of_run(run)
    assert digest_of_run(run) == first
    model, _, _ = train.load_run(run)
    model.relations.head.mlp[-1].bias.data += 1
    save_weights(model.relations.state_dict(), run / relations.WEIGHTS)
    assert digest_of_run(run) != first


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
    assert main(arguments) == 2
    assert "torch finds no CUDA device here; set device to cpu" in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_gpu_says_what_the_processor_says(write_run, tiny_psg, tmp_path):
    common = [str(tiny_psg), "--split", "train", "--run", str(write_run())]
    on_gpu, on_cpu = (
        judge([*common, "--device", device], tmp_path / f"{device}.json")
        for device in ("cuda", "cpu")
    )
    np.testing.assert_allclose(numbers(on_gpu), numbers(on_cpu), atol=0.1)


def test_commands_take_a_run_by_the_name_of_the_backend(write_run, tiny_psg, tmp_path):
    run, picture = str(write_run()), str(tiny_psg / "0.png")
    options = ["--model", run, "--backend", "torch", "--threads", "1", "--json"]
    assert main(["predict", picture, *options, str(tmp_path / "graph.json")]) == 0
    graph = json.loads((tmp_path / "graph.json").read_text())
    assert graph["backend"] == "torch"
    stages = ["--stages", "--image", picture, "--frames", "1", "--warmup", "0"]
    assert main(["benchmark", *stages, *options, str(tmp_path / "times.json")]) == 0
    times = json.loads((tmp_path / "times.json").read_text())
    assert (times["backend"], times["precision"]) == ("torch", "fp32")
    assert times["machine"]["torch"] == torch.__version__


def test_settings_of_the_node_know_it_and_auto_never_is_it(monkeypatch):
    (setting,) = (p for p in node_parameters() if p.name == "backend")
    assert "torch" in setting.choices
    monkeypatch.setattr(backend_module, "_is_installed", lambda name: False)
    for device in ("auto", "cpu", "cuda"):
        with pytest.raises(ImportError, match="no backend is installed") as error:
            resolve_backend("auto", device)
        assert "torch" not in str(error.value)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_changes_numbers_and_not_what_is_found(write_run, tiny_psg, precision):
    run, frame = write_run(), Frame(read_image(tiny_psg / "0.png"))
    low = {f"{name}_threshold": value for name, value in LOW.items()}
    with open_run(run, **low) as wide, open_run(run, precision=precision, **low) as narrow:
        assert (wide.precision, narrow.precision) == ("fp32", precision)
        expected = wide(frame)
        found = narrow.predict_relations(frame, expected.segmentation)
        segments = narrow(frame).segmentation.label_map
    assert (segments == expected.segmentation.label_map).mean() > 0.9
    logits = found.relation_scores.logits, expected.relation_scores.logits
    difference = np.abs(logits[0] - logits[1]).max()
    assert 0 < difference < 0.05, "it computes in something else, and about the same"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "gpu"}, "torch runs on cpu or cuda, not on gpu; set device to auto or one"),
        ({"device": "tensorrt"}, "torch runs on cpu or cuda, not on tensorrt"),
        ({"device": "cuda:77"}, "device cuda:77: torch finds .* here; set device to cpu"),
        ({"device": "cpu", "precision": "int8"}, "torch on cpu computes in fp32 or bf16 or fp16"),
    ],
)
def test_what_torch_cannot_do_is_refused_with_the_way_out(write_run, settings, message):
    with pytest.raises(ValueError, match=message):
        open_run(write_run(), **settings)


def test_a_run_folder_may_hold_its_export_too(write_run):
    run = write_run()
    (run / MANIFEST_FILE).write_text("format: 2\n")
    with open_run(run) as pipeline:
        assert pipeline.backend_name == "torch"


def test_a_model_folder_has_no_weights_for_it(tiny_model, tmp_path):
    cure = "give that as the model, or set backend to auto"
    with pytest.raises(FileNotFoundError, match=f"holds ONNX files and no weights.*{cure}"):
        open_run(tiny_model)
    with pytest.raises(FileNotFoundError, match=rf"is no run folder, it has no train.yaml.*{cure}"):
        open_run(tmp_path)


@needs("onnxruntime")
def test_a_run_of_another_network_is_no_reference(write_run, tiny_model, capsys):
    arguments = ["verify", str(tiny_model), "--backend", "onnxruntime", "--run", str(write_run())]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "is not what psg export makes of" in error and "or leave --run out" in error


@needs("onnxruntime")
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_run_is_the_reference_of_a_model_of_one_file_too(write_run, tiny_psg, tmp_path):
    run, report = write_run(prune=True), tmp_path / "report.json"
    model = export_model(
        run, tmp_path / "model", Recommendation(**LOW), layout=Layout("fused", slots=4)
    )
    command = ["verify", str(model), str(tiny_psg / "0.png"), "--backend", "onnxruntime"]
    assert main([*command, "--run", str(run), "--report", str(report)]) == 0
    written = json.loads(report.read_text())
    assert written["reference"].startswith("torch ")
    assert written["measures"].keys() == {"class", "segments", "mask signs", "relations"}


def test_other_backends_say_what_a_run_folder_is(write_run):
    run = str(write_run())
    for backend in ("auto", "onnxruntime"):
        with pytest.raises(FileNotFoundError, match=r"is a run folder.*psg export.*backend torch"):
            Pipeline.open(PipelineConfig(model=run, backend=backend))


def test_what_is_for_model_folders_refuses_it_by_name():
    with pytest.raises(ValueError, match="torch opens run folders .* set backend to auto or tens"):
        resolve_backend("torch")


def test_without_torch_the_extra_is_named(monkeypatch):
    hide(monkeypatch, "psg_ros.torch_runtime.backend", "psg_ros.training.torch_pipeline")
    cure = re.escape("pip install '.[train]' in the source folder")
    with pytest.raises(ImportError, match=f"backend 'torch' cannot be used .*{cure}"):
        Pipeline.open(PipelineConfig(model="any", backend="torch"))


def test_its_digest_is_known_without_a_pipeline(write_run):
    run = write_run()
    config = PipelineConfig(model=str(run), backend="torch", device="cpu")
    assert digest_of(config) == digest_of_run(run)


def test_the_words_of_a_run_stay(write_run):
    with (
        open_run(write_run()) as pipeline,
        pytest.raises(ValueError, match="is a run folder, whose words stay; export it"),
    ):
        pipeline.offer_words()


def test_an_error_of_torch_names_the_network():
    class Breaks(torch.nn.Module):
        def forward(self, x):
            raise torch.OutOfMemoryError("CUDA out of memory")

    spec = ArtifactSpec("x.safetensors", "", (TensorSpec("x", "float32", (2,)),), ())
    with pytest.raises(NetworkFailed, match="x.safetensors failed on its input: CUDA out of mem"):
        TorchBackend(Breaks(), spec, "cpu").run({"x": np.ones(2, np.float32)})


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
