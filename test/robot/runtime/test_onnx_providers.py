# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A device of ONNX Runtime is what really runs, or an error that says how to get it.

No GPU is needed: sessions that lost their provider are what the library gives where there is none.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnxruntime as ort

from psg_ros.backend_table import CPU, Device
from psg_ros.doctor.trial import run_identity
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.runtime import onnx_backend, onnx_providers
from psg_ros.robot.runtime.backend import backend_report, open_backend
from psg_ros.robot.runtime.onnx_backend import OnnxBackend, OnnxTensor
from psg_ros.robot.runtime.refusals import DeviceUnavailable

CUDA, TENSORRT = Device("cuda", 1), Device("tensorrt")
GPU_BUILD = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
real_session = ort.InferenceSession


@pytest.fixture(scope="module")
def model(tiny_model):
    return load_model_folder(str(tiny_model))


def opened(model, device, stage="relations", **options):
    spec = model.manifest.artifact(stage)
    path = model.artifact_path(stage)
    return open_backend("onnxruntime", path, spec, device=device, **options)


class Session:
    """A real session on the CPU that claims to run on other providers."""

    def __init__(self, path, options, providers, running, nodes):
        self._real = real_session(path, providers=["CPUExecutionProvider"])
        self.options, self.providers = options, providers
        self.get_providers = lambda: running
        parts = [Part(name, count) for name, count in nodes.items()]
        self.get_provider_graph_assignment_info = lambda: parts

    def __getattr__(self, name):
        return getattr(self._real, name)


class Part:
    def __init__(self, name, count):
        self.ep_name, self.get_nodes = name, lambda: [None] * count


@pytest.fixture
def gpu_build(monkeypatch):
    """Pretend that the package is built for a GPU; returns a way to say what a session becomes."""
    made: list[Session] = []
    outcome: dict = {}

    def make(path, options, providers, enable_fallback):
        assert not enable_fallback
        if "error" in outcome and providers[0][0] != "CPUExecutionProvider":
            raise outcome["error"]
        names = [name for name, _ in providers]
        running = outcome.get("running", names)
        made.append(Session(path, options, providers, running, outcome.get("nodes", {})))
        return made[-1]

    monkeypatch.setattr(ort, "get_available_providers", lambda: GPU_BUILD)
    monkeypatch.setattr(ort, "InferenceSession", make)
    monkeypatch.setattr(onnx_providers, "load_cuda", lambda: None)
    return outcome, made


@pytest.mark.skipif("CUDAExecutionProvider" in ort.get_available_providers(), reason="it has one")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tensorrt"])
def test_a_package_built_for_the_cpu_names_the_other_one(model, device):
    with pytest.raises(DeviceUnavailable, match="was built without .*ExecutionProvider") as error:
        opened(model, device)
    assert "pip install onnxruntime-gpu (extra 'onnxruntime-gpu')" in str(error.value)
    assert "pip uninstall onnxruntime onnxruntime-gpu" in str(error.value)
    assert opened(model, "auto").device == "cpu"


@pytest.mark.parametrize("device", ["cuda:1", "tensorrt"])
def test_a_provider_that_did_not_start_is_an_error_not_a_slow_run(model, device, gpu_build):
    outcome, _ = gpu_build
    outcome["running"] = ["CPUExecutionProvider"]
    with pytest.raises(DeviceUnavailable, match="CUDAExecutionProvider did not start") as error:
        opened(model, device)
    assert "driver, CUDA and cuDNN" in str(error.value) and "device to cpu" in str(error.value)
    assert ("TensorRT in" in str(error.value)) == (device == "tensorrt")


def test_tensorrt_that_leaves_all_to_cuda_is_not_tensorrt(model, gpu_build):
    outcome, _ = gpu_build
    outcome["nodes"] = {"CUDAExecutionProvider": 41, "CPUExecutionProvider": 2}
    with pytest.raises(DeviceUnavailable, match=r"no part of the network \(41 on CUDA"):
        opened(model, "tensorrt")
    assert opened(model, "cuda").device == "cuda:0"


@pytest.mark.parametrize("error", [RuntimeError("no TensorRT"), onnx_backend.errors.Fail("35")])
def test_what_goes_wrong_with_a_device_is_not_blamed_on_the_file(model, error, gpu_build):
    outcome, _ = gpu_build
    outcome["error"] = error
    with pytest.raises(DeviceUnavailable, match=f"cannot run on tensorrt:0: {error}"):
        opened(model, "tensorrt")


def test_auto_falls_back_aloud(model, gpu_build, caplog):
    outcome, _ = gpu_build
    outcome["error"] = RuntimeError("CUDA driver version is insufficient")
    backend = opened(model, "auto")
    assert backend.device == "cpu"
    (warning,) = caplog.messages
    assert warning.startswith("device auto is cpu, because ") and "driver version" in warning


def test_auto_takes_cuda_where_it_runs(model, gpu_build, caplog):
    assert opened(model, "auto").device == "cuda:0"
    assert opened(model, "cpu").device == "cpu"
    assert not caplog.messages


def test_a_damaged_file_stays_one_on_a_device(model, gpu_build, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(ValueError, match="broken.onnx cannot be loaded") as error:
        open_backend("onnxruntime", broken, model.manifest.artifact("relations"), device="cuda")
    assert not isinstance(error.value, DeviceUnavailable)


def test_the_number_of_the_device_and_full_fp32_reach_the_provider(model, gpu_build):
    _, made = gpu_build
    opened(model, "cuda:1")
    assert made[0].providers == [
        ("CUDAExecutionProvider", {"device_id": "1", "use_tf32": "0"}), ("CPUExecutionProvider", {})
    ]  # fmt: skip
    assert made[0].options.get_session_config_entry(onnx_providers.RECORD_NODES) == "1"


def test_tensorrt_builds_one_engine_for_all_sizes_of_the_manifest(model):
    (name, options), *others = onnx_providers.provider_options(
        TENSORRT, model.manifest.artifact("relations")
    )
    assert [name, *(other for other, _ in others)] == GPU_BUILD
    least = "subject_overlap:1x24,object_overlap:1x24,boxes:1x8"
    most = least.replace(":1x", ":200x")
    assert options == {
        "device_id": "0",
        "trt_profile_min_shapes": least,
        "trt_profile_opt_shapes": most,
        "trt_profile_max_shapes": most,
    }
    ((_, fixed), *_) = onnx_providers.provider_options(
        TENSORRT, model.manifest.artifact("segmenter")
    )
    assert fixed == {"device_id": "0"}, "nothing is free in a segmenter"


def test_providers_of_nodes_are_counted_as_the_library_reports_them(model):
    options = ort.SessionOptions()
    onnx_providers.record_nodes(options)
    session = ort.InferenceSession(
        str(model.artifact_path("relations")), options, providers=["CPUExecutionProvider"]
    )
    if not hasattr(session, "get_provider_graph_assignment_info"):
        pytest.skip("this version does not say")
    counts = onnx_providers._nodes_by_provider(session)
    assert list(counts) == ["CPUExecutionProvider"] and counts.total() > 3
    onnx_providers.check_running(session, CPU)


def bound(model, stage):
    """A backend that binds its tensors as on a GPU, in the memory of the host."""
    spec = model.manifest.artifact(stage)
    session = real_session(str(model.artifact_path(stage)), providers=["CPUExecutionProvider"])
    return OnnxBackend(session, spec, CUDA, memory=("cpu", 0))


def test_on_a_device_outputs_stay_and_go_into_the_next_network(model, monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    rng = np.random.default_rng(1)
    shapes = {"subject_overlap": (5, 24), "object_overlap": (5, 24), "boxes": (5, 8)}
    pairs = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    on_host = opened(model, "cpu", "segmenter").run({"image": image})
    expected = opened(model, "cpu").run(pairs | {"patch_tokens": on_host["patch_tokens"]})

    segmenter, relations = bound(model, "segmenter"), bound(model, "relations")
    assert segmenter.device == "cuda:1"
    for _ in range(2):
        outputs = segmenter.run({"image": image}, keep=("patch_tokens",))
        tokens = outputs["patch_tokens"]
        assert isinstance(tokens, OnnxTensor) and tokens.shape == (1, 24, 3)
        np.testing.assert_array_equal(outputs["mask_logits"], on_host["mask_logits"])
        np.testing.assert_array_equal(tokens.numpy(), on_host["patch_tokens"])
        with monkeypatch.context() as patch:
            patch.setattr(OnnxTensor, "numpy", lambda self: pytest.fail("it came to the host"))
            found = relations.run(pairs | {"patch_tokens": tokens})
        for name, logits in expected.items():
            np.testing.assert_array_equal(found[name], logits)


def test_only_kept_outputs_are_bound_to_the_memory_of_the_device(model):
    class Binding:
        def __init__(self):
            self.outputs = {}

        def bind_cpu_input(self, name, array):
            pass

        def bind_output(self, name, device, number):
            self.outputs[name] = (device, number)

        def get_outputs(self):
            return [ort.OrtValue.ortvalue_from_numpy(np.zeros(1, np.float32))] * len(self.outputs)

    class Recorder:
        io_binding = staticmethod(lambda: binding)
        run_with_iobinding = staticmethod(lambda bound, options: None)

    binding, spec = Binding(), model.manifest.artifact("segmenter")
    backend = OnnxBackend(Recorder(), spec, CUDA, memory=("cuda", 1))
    backend.run({"image": np.zeros((1, 64, 96, 3), np.uint8)}, keep=("patch_tokens",))
    host = dict.fromkeys(("class_logits", "mask_logits"), ("cpu", 0))
    assert binding.outputs == host | {"patch_tokens": ("cuda", 1)}


def test_the_doctor_runs_a_network_on_every_device_and_says_which_do_not_work(gpu_build):
    outcome, _ = gpu_build
    outcome["error"] = RuntimeError("driver too old")
    version, *devices = run_identity("onnxruntime").split("; ", 2)
    assert version == ort.__version__ and devices[0] == "cpu (fp32) ran a network"
    assert "cannot run on cuda:0: driver too old" in devices[1]
    assert "cannot run on tensorrt:0: driver too old" in devices[1]


def test_the_report_lists_what_the_package_was_built_for(gpu_build):
    status = next(entry for entry in backend_report() if entry.name == "onnxruntime")
    assert status.devices == {"cpu": "fp32", "cuda": "fp32", "tensorrt": "fp32"}
