# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each CPU backend on a real model: agreement, refusals, lifetime."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends import EACH, INSTALLED, ON_CPU, needs
from onnx_writing import network, node
from tiny_model import COLORS, paint

from psg_ros.backend_table import BACKENDS, parse_device
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec, load_model_folder
from psg_ros.robot.runtime import backend as backend_module
from psg_ros.robot.runtime.backend import (
    backend_report,
    choose_backend,
    open_backend,
    resolve_backend,
)
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.robot.runtime.tensors import to_host

NAMES = ON_CPU


@pytest.fixture(scope="module")
def model(tiny_model):
    return load_model_folder(str(tiny_model))


def opened(model, name, stage="segmenter", **options):
    spec = model.manifest.artifact(stage)
    return open_backend(name, model.artifact_path(stage), spec, **options)


def on_a_machine(monkeypatch, machine, installed):
    """Pretend to be on another processor, with these packages and no others."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    find = lambda name: name if name in installed else None  # noqa: E731
    monkeypatch.setattr(backend_module.importlib.util, "find_spec", find)


def pair_inputs(num_pairs: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(num_pairs)
    shapes = {
        "patch_tokens": (1, 24, 3),
        "subject_overlap": (num_pairs, 24),
        "object_overlap": (num_pairs, 24),
        "boxes": (num_pairs, 8),
    }
    return {name: rng.random(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", EACH)
def test_the_segmenter_answers_with_the_promised_tensors(model, name):
    image = paint((64, 96), {"red": (0, 0, 48, 64)})[None]
    outputs = opened(model, name).run({"image": image})
    for tensor in model.manifest.artifact("segmenter").outputs:
        assert outputs[tensor.name].shape == tensor.shape
        assert outputs[tensor.name].dtype == tensor.dtype
    red = list(COLORS).index("red")
    assert (outputs["mask_logits"][0, red, :, :12] > 5).all()
    assert (outputs["mask_logits"][0, red, :, 12:] < -5).all()


@needs(*NAMES)
def test_backends_agree_in_fp32(model):
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    first, second = (opened(model, n, precision="fp32").run({"image": image}) for n in NAMES)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", EACH)
def test_the_pair_axis_may_change_from_run_to_run(model, name):
    backend = opened(model, name, "relations", precision="fp32")
    for num_pairs in (1, 7, 3, 190, 1):
        inputs = pair_inputs(num_pairs)
        outputs = backend.run(inputs)
        assert outputs["forward_logits"].shape == (num_pairs, 5)
        swapped = inputs | {
            "subject_overlap": inputs["object_overlap"],
            "object_overlap": inputs["subject_overlap"],
            "boxes": np.ascontiguousarray(np.roll(inputs["boxes"], 4, axis=1)),
        }
        forward = outputs["forward_logits"].copy()
        backward_of_swapped = backend.run(swapped)["backward_logits"]
        np.testing.assert_allclose(backward_of_swapped, forward, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", EACH)
def test_a_new_array_is_read_at_each_run(model, name):
    backend = opened(model, name)
    for color in ("red", "blue", "red"):
        image = paint((64, 96), {color: (0, 0, 96, 64)})[None]
        logits = backend.run({"image": image})["class_logits"][0]
        assert logits[list(COLORS).index(color)].argmax() == list(COLORS).index(color)


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": np.zeros((2, 8))}, r"takes boxes float32 \[-1, 8\], not boxes float64 \[2, 8\]"),
        ({"boxes": np.zeros((2, 7), np.float32)}, r"not boxes float32 \[2, 7\]"),
        ({"boxes": np.zeros(8, np.float32)}, r"not boxes float32 \[8\]"),
        ({"box": np.zeros(8, np.float32)}, "takes inputs .*boxes.*, not .*'box'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(model, name, change, message):
    with pytest.raises(ValueError, match=message):
        opened(model, name, "relations").run(pair_inputs(2) | change)


@pytest.mark.parametrize("name", EACH)
def test_more_than_the_maximum_of_a_free_axis_is_refused(model, name):
    with pytest.raises(ValueError, match=r"of at most \[200, 24\], not subject_overlap"):
        opened(model, name, "relations").run(pair_inputs(201))


@pytest.mark.parametrize("name", EACH)
def test_after_closing_it_says_so(model, name):
    backend = opened(model, name)
    backend.close()
    backend.close()
    with pytest.raises(RuntimeError, match="segmenter.onnx was closed"):
        backend.run({"image": np.zeros((1, 64, 96, 3), np.uint8)})


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_a_file_that_is_no_network_is_refused_by_name(model, name, content, tmp_path):
    whole = model.artifact_path("segmenter").read_bytes()
    file = tmp_path / "broken.onnx"
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ValueError, match="broken.onnx cannot be loaded, expected an ONNX model"):
        open_backend(name, file, model.manifest.artifact("segmenter"))


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize(
    ("kind", "index", "tensor", "message"),
    [
        ("inputs", 0, ("image", "uint8", (1, 64, 64, 3)), r"expected image uint8 \[1, 64, 64, 3\]"),
        ("inputs", 0, ("picture", "uint8", (1, 64, 96, 3)), "expected picture uint8"),
        ("outputs", 1, ("mask_logits", "float64", (1, 6, 16, 24)), "mask_logits float64"),
        ("outputs", 1, ("mask_logits", "float32", (1, -1, 16, 24)), r"mask_logits float32 \[1, -1"),
    ],
)
def test_tensors_other_than_the_manifest_s_are_refused(model, name, kind, index, tensor, message):
    spec = model.manifest.artifact("segmenter")
    tensors = list(getattr(spec, kind))
    tensors[index] = TensorSpec(*tensor)
    changed = dataclasses.replace(spec, **{kind: tuple(tensors)})
    with pytest.raises(ValueError, match=message) as error:
        open_backend(name, model.artifact_path("segmenter"), changed)
    assert "segmenter.onnx does not fit its manifest" in str(error.value)
    assert "found " in str(error.value)


@pytest.mark.parametrize(
    ("machine", "installed", "expected", "reason"),
    [
        ("x86_64", NAMES, "openvino", "the first choice on x86_64"),
        ("aarch64", NAMES, "onnxruntime", "the first choice on aarch64"),
        (
            "x86_64",
            ["onnxruntime"],
            "onnxruntime",
            "openvino, the first choice on x86_64, is not installed",
        ),
        (
            "aarch64",
            ["openvino"],
            "openvino",
            "onnxruntime, the first choice on aarch64, is not installed",
        ),
    ],
)
def test_auto_is_the_first_choice_of_the_processor_that_is_installed(
    machine, installed, expected, reason, monkeypatch, caplog
):
    on_a_machine(monkeypatch, machine, installed)
    assert choose_backend() == (expected, reason)
    assert resolve_backend("auto") == expected
    # Said where it may be a surprise, with the way out.
    absent = {"openvino", "onnxruntime"} - set(installed)
    assert [reason in text for text in caplog.messages] == [True] * len(absent)
    assert all(f"pip install {name}" in caplog.text for name in absent)


def test_without_any_backend_the_error_names_both(monkeypatch):
    on_a_machine(monkeypatch, "x86_64", [])
    message = "no backend is installed.*pip install openvino .* or pip install onnxruntime "
    with pytest.raises(ImportError, match=message):
        resolve_backend("auto")


def test_a_backend_asked_for_by_name_is_never_replaced(monkeypatch):
    on_a_machine(monkeypatch, "x86_64", ["onnxruntime"])
    assert resolve_backend("openvino") == "openvino"


def test_an_unknown_backend_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="unknown backend 'cuda'; known: auto, tensorrt, openvino, onnx"
    ):
        resolve_backend("cuda")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_an_error_that_names_the_extra(model, name, monkeypatch):
    module = BACKENDS[name].module
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"pip install {name} \(extra '{name}'\)"):
        opened(model, name)
    status = next(s for s in backend_report() if s.name == name)
    assert not status.version and f"pip install {name} " in status.problem


def test_the_report_tells_versions_and_devices():
    found = {status.name: status for status in backend_report()}
    assert [name for name in NAMES if not found[name].problem] == INSTALLED
    for name in INSTALLED:
        assert found[name].version[0].isdigit() and "fp32" in found[name].devices["cpu"]


@needs("onnxruntime")
@pytest.mark.parametrize("precision", ["bf16", "fp16", "int8"])
def test_onnxruntime_computes_in_fp32_alone(model, precision):
    message = f"computes in fp32 here, not in {precision}.*; set precision to auto or fp32"
    with pytest.raises(ValueError, match=message):
        opened(model, "onnxruntime", precision=precision)


@pytest.mark.parametrize("name", EACH)
def test_what_it_runs_on_is_said(model, name):
    backend = opened(model, name, device="CPU", precision="fp32")
    assert (backend.name, backend.device, backend.precision) == (name, "cpu", "fp32")


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("openvino", "cuda", "runs on cpu or gpu, not on cuda; .* or backend to onnxruntime"),
        ("onnxruntime", "gpu", "runs on cpu or cuda or tensorrt, not on gpu; .* to openvino"),
        ("auto", "cdua:1", "must be one of auto, cpu, gpu, cuda, tensorrt, .* not 'cdua:1'"),
    ],
)
def test_a_device_of_another_backend_is_refused_with_the_way_out(model, name, device, message):
    with pytest.raises(ValueError, match=message):
        opened(model, name, device=device)


@pytest.mark.parametrize(
    ("device", "expected"), [("cuda:1", "onnxruntime"), ("gpu", "openvino"), ("auto", "openvino")]
)
def test_auto_looks_only_at_backends_that_run_on_the_device(monkeypatch, device, expected):
    on_a_machine(monkeypatch, "x86_64", NAMES)
    assert choose_backend(device)[0] == expected
    on_a_machine(monkeypatch, "x86_64", [])
    gpu = "onnxruntime-gpu" if device == "cuda:1" else expected
    with pytest.raises(ImportError, match=f"pip install {gpu} "):
        choose_backend(device)


@pytest.mark.parametrize("name", EACH)
def test_a_kept_output_goes_into_the_next_network_as_it_is(model, name):
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    segmenter = opened(model, name, precision="fp32")
    relations = opened(model, name, "relations", precision="fp32")
    outputs = segmenter.run({"image": image}, keep=("patch_tokens",))
    assert isinstance(outputs["class_logits"], np.ndarray)
    tokens = outputs["patch_tokens"]
    assert (tokens.shape, tokens.dtype) == ((1, 24, 3), np.float32)
    found = relations.run(pair_inputs(5) | {"patch_tokens": tokens})["forward_logits"].copy()
    on_the_host = {"patch_tokens": to_host(tokens).copy()}
    again = relations.run(pair_inputs(5) | on_the_host)["forward_logits"]
    np.testing.assert_array_equal(found, again)
    with pytest.raises(ValueError, match=r"takes image uint8 .* not image float32 \[1, 24, 3\]"):
        segmenter.run({"image": tokens})


@needs("openvino")
def test_openvino_reads_a_kept_output_where_it_lies(model):
    image = np.zeros((1, 64, 96, 3), np.uint8)
    tokens = opened(model, "openvino").run({"image": image}, keep=("patch_tokens",))["patch_tokens"]
    relations = opened(model, "openvino", "relations")
    relations.run(pair_inputs(2) | {"patch_tokens": tokens})
    seen = relations._running.request.get_tensor("patch_tokens").data
    assert seen.ctypes.data == tokens.numpy().ctypes.data


@needs("openvino")
def test_what_another_backend_kept_comes_through_the_host(model):
    class Elsewhere:
        shape, dtype = (1, 24, 3), np.dtype(np.float32)

        def numpy(self):
            return np.ones(self.shape, self.dtype)

    for name in INSTALLED:
        relations = opened(model, name, "relations", precision="fp32")
        found, expected = (
            relations.run(pair_inputs(2) | {"patch_tokens": tokens})["forward_logits"].copy()
            for tokens in (Elsewhere(), np.ones((1, 24, 3), np.float32))
        )
        np.testing.assert_array_equal(found, expected)


@needs("openvino")
def test_openvino_refuses_bf16_on_a_processor_without_it(model, monkeypatch):
    module: Any = backend_module.module_of("openvino")
    monkeypatch.setattr(module, "_precisions", lambda core, device: ["fp32"])
    with pytest.raises(ValueError, match="computes in fp32 here, not in bf16"):
        opened(model, "openvino", precision="bf16")
    assert opened(model, "openvino", precision="auto").precision == "fp32"


@needs("openvino")
def test_openvino_takes_bf16_exactly_where_it_is(model):
    module: Any = backend_module.module_of("openvino")
    has_bf16 = "BF16" in module.openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    backend = opened(model, "openvino")
    hint = backend._running.request.get_compiled_model().get_property("INFERENCE_PRECISION_HINT")
    assert (str(hint), backend.precision) == (
        ("<Type: 'bfloat16'>", "bf16") if has_bf16 else ("<Type: 'float32'>", "fp32")
    )


@needs("openvino")
@pytest.mark.parametrize(
    ("device", "capabilities", "expected"),
    [
        ("cpu", ["BF16", "FP32", "INT8"], ["bf16", "fp32"]),
        ("cpu", ["FP32", "FP16"], ["fp32", "fp16"]),
        ("gpu:1", ["FP32", "FP16", "INT8"], ["fp16", "fp32"]),
    ],
)
def test_openvino_offers_what_the_hardware_has_fastest_first(device, capabilities, expected):
    class Core:
        def get_property(self, name, fact):
            assert (name, fact) in {
                ("CPU", "OPTIMIZATION_CAPABILITIES"), ("GPU.1", "OPTIMIZATION_CAPABILITIES")
            }  # fmt: skip
            return capabilities

    module: Any = backend_module.module_of("openvino")
    assert module._precisions(Core(), parse_device(device)) == expected


@needs("openvino")
def test_openvino_without_a_gpu_says_what_it_needs(model):
    module: Any = backend_module.module_of("openvino")
    there = [name for name in module.openvino.Core().available_devices if "GPU" in name]
    missing = f"gpu:{len(there)}"
    with pytest.raises(ValueError, match=f"finds no {missing} here, only cpu.*intel-opencl-icd"):
        opened(model, "openvino", device=missing)


@needs("openvino")
def test_openvino_obeys_the_number_of_threads_and_waits_for_one_frame_at_a_time(model):
    network = opened(model, "openvino", threads=1)._running.request.get_compiled_model()
    assert network.get_property("INFERENCE_NUM_THREADS") == 1
    assert "LATENCY" in str(network.get_property("PERFORMANCE_HINT"))


@needs("onnxruntime")
def test_a_network_that_cannot_compute_its_input_is_named_and_prints_nothing(tmp_path, capfd):
    tensors = TensorSpec("table", "float32", (-1, 2), (9, 2)), TensorSpec("row", "float32", (1, 2))
    content = network(
        "first_row",
        [node("Gather", ["table", "first"], ["row"], axis=0)],
        tensors[:1],
        tensors[1:],
        {"first": np.array([0])},
    )
    path = tmp_path / "first_row.onnx"
    path.write_bytes(content)
    spec = ArtifactSpec(path.name, "", tensors[:1], tensors[1:])
    backend = open_backend("onnxruntime", path, spec)
    with pytest.raises(NetworkFailed, match=r"first_row.onnx failed on its input: .*Gather"):
        backend.run({"table": np.zeros((0, 2), np.float32)})
    assert backend.run({"table": np.ones((3, 2), np.float32)})["row"].tolist() == [[1, 1]]
    assert capfd.readouterr() == ("", "")


def test_opening_a_backend_prints_nothing(model):
    code = (
        "from psg_ros.robot.manifest import load_model_folder\n"
        "from psg_ros.robot.runtime.backend import open_backend\n"
        f"model = load_model_folder({str(model.path)!r})\n"
        f"for name in {INSTALLED!r}:\n"
        "    spec = model.manifest.artifact('relations')\n"
        "    open_backend(name, model.artifact_path('relations'), spec)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=120, check=False,
        cwd=Path(backend_module.__file__).parents[3],
    )  # fmt: skip
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
