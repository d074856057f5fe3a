# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The backend tensorrt on a strict fake of TensorRT and the GPU; nothing ran on a real one."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from contextlib import closing

import numpy as np
import pytest
from backends import needs

pytest.importorskip("onnxruntime", reason="computes what the fake GPU answers")
import fake_cuda
from fake_nvidia import GPU, install

from psg_ros.config import PipelineConfig
from psg_ros.frame import Frame
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.robot.runtime import compiled_cache
from psg_ros.robot.runtime.backend import choose_backend, open_backend
from psg_ros.robot.runtime.refusals import DeviceUnavailable, NetworkFailed
from psg_ros.robot.runtime.tensorrt import driver

pytestmark = needs("onnxruntime")


@pytest.fixture
def gpu() -> fake_cuda.Gpu:
    return fake_cuda.Gpu()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PSG_CACHE", str(tmp_path / "cache"))
    compiled_cache._warn.cache_clear()
    return tmp_path / "cache"


@pytest.fixture(params=["cuda", "pycuda"])
def trt(request, monkeypatch, gpu, home):
    return install(monkeypatch, gpu, request.param)


@pytest.fixture(scope="module")
def model(tiny_model):
    return load_model_folder(str(tiny_model))


def opened(model, name="tensorrt", stage="segmenter", **options):
    spec = model.manifest.artifact(stage)
    return open_backend(name, model.artifact_path(stage), spec, **options)


def image_of(seed: int) -> dict[str, np.ndarray]:
    pixels = np.random.default_rng(seed).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    return {"image": pixels}


def pairs_of(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    shapes = {
        "patch_tokens": (1, 24, 3), "subject_overlap": (count, 24), "object_overlap": (count, 24),
        "boxes": (count, 8),
    }  # fmt: skip
    return {name: rng.random(shape, np.float32) for name, shape in shapes.items()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


# --- what it computes ----------------------------------------------------------------------------


def test_every_frame_gets_its_own_answer(trt, model):
    backend, truth = opened(model), opened(model, "onnxruntime")
    assert (backend.name, backend.device, backend.precision) == ("tensorrt", "cuda:0", "fp32")
    for seed in (1, 2, 3, 4, 1):
        assert_same(backend.run(image_of(seed)), truth.run(image_of(seed)))
    backend.close()


def test_any_number_of_pairs_up_to_the_maximum_fits_a_profile(trt, model):
    backend, truth = opened(model, stage="relations"), opened(model, "onnxruntime", "relations")
    largest = model.manifest.artifact("relations").inputs[-1].greatest[0]
    for count in (1, 16, 17, 64, 65, largest, 3):
        count = min(count, largest)
        assert_same(backend.run(pairs_of(count)), truth.run(pairs_of(count)))
    backend.close()


def test_kept_outputs_stay_on_the_gpu_and_go_into_the_next_network(trt, model, gpu):
    segmenter, relations = opened(model), opened(model, stage="relations")
    truth = opened(model, "onnxruntime").run(image_of(7))
    expected = opened(model, "onnxruntime", "relations").run(
        pairs_of(5) | {"patch_tokens": truth["patch_tokens"]}
    )
    for _ in range(3):
        found = segmenter.run(image_of(7), keep=("patch_tokens",))
        tokens = found["patch_tokens"]
        assert (tokens.shape, tokens.dtype) == ((1, 24, 3), np.float32)
        gpu.calls.clear()
        assert_same(relations.run(pairs_of(5) | {"patch_tokens": tokens}), expected)
        assert gpu.calls.count("upload") == 3, "the tokens are not copied"
        np.testing.assert_array_equal(tokens.numpy(), truth["patch_tokens"])
    for backend in (segmenter, relations):
        backend.close()


def test_a_whole_pipeline_says_what_the_processor_says(trt, tiny_model):
    config = dict(model=str(tiny_model), relation_threshold=0.0, precision="fp32")
    frame = Frame(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    with (
        Pipeline.open(PipelineConfig(backend="tensorrt", **config)) as on_gpu,
        Pipeline.open(PipelineConfig(backend="onnxruntime", **config)) as truth,
    ):
        for _ in range(3):
            found, expected = on_gpu(frame), truth(frame)
        assert (on_gpu.backend_name, on_gpu.device) == ("tensorrt", "cuda:0")
    np.testing.assert_array_equal(found.segmentation.label_map, expected.segmentation.label_map)
    assert found.relations == expected.relations


# --- how it does it ------------------------------------------------------------------------------


def test_a_run_is_one_upload_one_wait_and_no_allocation(trt, model, gpu):
    backend = opened(model)
    backend.run(image_of(1))
    steps = ["upload", "execute", "download", "download", "synchronize"]
    third = steps if "pycuda" in sys.modules else ["upload", "launch graph", "synchronize"]
    for seed, expected in enumerate((steps, steps, third)):
        gpu.calls.clear()
        backend.run(image_of(seed), keep=("patch_tokens",))
        assert gpu.calls.count("synchronize") == 1
        assert not [call for call in gpu.calls if call.startswith(("allocate", "make"))]
        assert gpu.calls[: len(expected)] == expected
    backend.close()


def test_fixed_shapes_become_one_graph_where_the_library_has_graphs(monkeypatch, home, gpu, model):
    install(monkeypatch, gpu, "cuda")
    backend, truth = opened(model), opened(model, "onnxruntime")
    for seed in range(5):
        gpu.calls.clear()
        assert_same(backend.run(image_of(seed)), truth.run(image_of(seed)))
        if seed >= 2:
            assert gpu.calls == ["upload", "launch graph", "synchronize"]
    gpu.calls.clear()
    backend.run(image_of(9), keep=("patch_tokens",))
    assert "launch graph" not in gpu.calls, "other outputs are wanted: the graph would not fit"
    backend.close()


def test_a_graph_that_no_longer_fits_is_freed(monkeypatch, home, gpu, model):
    """As where cameras whose settings differ take turns: memory must not grow with every turn."""
    install(monkeypatch, gpu, "cuda")
    backend = opened(model)
    for keep in ((), ("patch_tokens",)) * 5:
        for _ in range(2):
            backend.run(image_of(0), keep=keep)
    assert gpu.calls.count("end capture") == 10
    assert gpu.calls.count("free graph") == 9, "all but the one that fits"
    backend.close()
    assert gpu.calls.count("free graph") == 10


def test_a_network_that_cannot_be_captured_runs_call_by_call(monkeypatch, home, gpu, model, caplog):
    """As one that waits for the device while it runs: no frame is lost, and it is said once."""
    install(monkeypatch, gpu, "cuda")
    begin, end = gpu.begin_capture, gpu.end_capture

    def begin_capture(stream):
        begin(stream)
        gpu.fail_at = "execute"

    def end_capture(stream):
        gpu.fail_at = ""
        return end(stream)

    monkeypatch.setattr(gpu, "begin_capture", begin_capture)
    monkeypatch.setattr(gpu, "end_capture", end_capture)
    backend, truth = opened(model), opened(model, "onnxruntime")
    for seed in range(4):
        assert_same(backend.run(image_of(seed)), truth.run(image_of(seed)))
    assert gpu.calls.count("begin capture") == 1
    assert caplog.text.count("segmenter.onnx runs call by call") == 1
    backend.close()


def test_free_shapes_are_never_captured(monkeypatch, home, gpu, model):
    install(monkeypatch, gpu, "cuda")
    backend = opened(model, stage="relations")
    for _ in range(4):
        backend.run(pairs_of(3))
    assert "begin capture" not in gpu.calls
    backend.close()


def test_everything_is_given_back(trt, model, gpu):
    backend = opened(model)
    assert gpu.num_allocations() == 2 * 2, "inputs in one block, outputs in another, in two places"
    backend.run(image_of(0))
    backend.close()
    backend.close()
    device = [1 for _, _, kind in gpu._memory.values() if kind == "device"]
    assert not device and not gpu.contexts
    with pytest.raises(RuntimeError, match="was closed"):
        backend.run(image_of(0))


@pytest.mark.parametrize("call", ["upload", "synchronize", "download"])
def test_a_failure_of_the_device_is_an_error_and_the_next_frame_is_tried(trt, model, gpu, call):
    backend = opened(model)
    backend.run(image_of(0))
    gpu.fail_at = call
    with pytest.raises(NetworkFailed, match="segmenter.onnx failed on its input"):
        backend.run(image_of(1), keep=("mask_logits",))
    gpu.fail_at = ""
    truth = opened(model, "onnxruntime").run(image_of(2))
    assert_same(backend.run(image_of(2)), truth)
    backend.close()


def test_inputs_that_do_not_fit_are_refused(trt, model):
    backend = opened(model, stage="relations")
    largest = model.manifest.artifact("relations").inputs[-1].greatest[0]
    for change, words in (
        ({"boxes": np.zeros((2, 7), np.float32)}, "takes boxes"),
        (pairs_of(largest + 1), "at most"),
    ):
        with pytest.raises(ValueError, match=words):
            backend.run(pairs_of(2) | change)
    backend.close()


# --- engines that are kept -----------------------------------------------------------------------


def test_the_second_start_builds_nothing(trt, model, home):
    for _ in range(3):
        opened(model).close()
    assert trt.builds == 1
    assert len(list(home.glob("tensorrt/*.blob"))) == 2, "the engine and the timing"
    assert {path.stat().st_mode & 0o777 for path in home.glob("tensorrt/*")} == {0o600}


def test_what_was_measured_serves_the_next_build(trt, model):
    opened(model).close()
    opened(model, stage="relations").close()
    assert trt.timing_seen == [b"", b"measured"]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"version": "10.13.3"}, "version was TensorRT 10.3.0, driver 12.6, is TensorRT 10.13.3"),
        ({"driver_version": "13.0"}, "driver 12.6, is TensorRT 10.3.0, driver 13.0"),
    ],
)
def test_another_version_builds_again_and_says_why(
    monkeypatch, home, gpu, model, caplog, other, words
):
    caplog.set_level("INFO")
    install(monkeypatch, gpu)
    opened(model).close()
    trt = install(monkeypatch, gpu, **other)
    opened(model).close()
    assert trt.builds == 1 and words in caplog.text
    assert len([p for p in home.glob("tensorrt/*.blob") if "timing" not in p.name]) == 1


def test_another_gpu_has_an_engine_of_its_own(monkeypatch, home, gpu, model):
    install(monkeypatch, gpu)
    opened(model).close()
    trt = install(monkeypatch, gpu)
    other = driver.Gpu("Thor", (10, 1), 8 << 30)
    monkeypatch.setattr(driver, "ask_driver", lambda: driver.Driver("12.6", (other,)))
    opened(model).close()
    assert trt.builds == 1
    assert len([p for p in home.glob("tensorrt/*.blob") if "timing" not in p.name]) == 2


def engine_file(home):
    return next(path for path in home.glob("tensorrt/*.blob") if "timing" not in path.name)


def truncate(home):
    path = engine_file(home)
    path.write_bytes(path.read_bytes()[:-9])


def flip(home):
    content = bytearray(engine_file(home).read_bytes())
    content[-1] ^= 1
    engine_file(home).write_bytes(content)


def sign_anew(home):
    """As one does who may write into the folder and knows no key."""
    import hashlib

    path = engine_file(home)
    rest = path.read_bytes()[32:] + b"evil"
    path.write_bytes(hashlib.sha256(rest).digest() + rest)


def link(home):
    path = engine_file(home)
    path.rename(home / "elsewhere")
    path.symlink_to(home / "elsewhere")


@pytest.mark.parametrize("spoil", [truncate, flip, sign_anew, link])
def test_no_spoilt_byte_reaches_tensorrt(trt, model, home, caplog, spoil):
    """The fake ends the test if TensorRT sees bytes that are no engine."""
    opened(model).close()
    spoil(home)
    opened(model).close()
    assert trt.builds == 2 and "again" in caplog.text


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_may_write_into_is_not_used(trt, model, home, caplog, mode):
    (home / "tensorrt").mkdir(parents=True)
    (home / "tensorrt").chmod(mode)
    for _ in range(2):
        opened(model).close()
    assert trt.builds == 2 and "chmod go-w cures it" in caplog.text


# --- what is refused -----------------------------------------------------------------------------


def test_what_the_parser_refuses_is_named_with_a_way_out(trt, model):
    trt.refuse = "TopK: K (4800) is larger than 3840"
    with pytest.raises(ValueError, match=r"does not take it \(TopK: K .4800.*build-engine"):
        opened(model)


def test_a_build_that_fails_says_why(trt, model):
    trt.fail = "out of memory"
    with pytest.raises(DeviceUnavailable, match="cannot build an engine of .*out of memory"):
        opened(model)


@pytest.mark.parametrize("precision", ["fp16", "bf16", "int8"])
def test_other_precisions_are_refused(trt, model, precision):
    with pytest.raises(ValueError, match=f"computes in fp32 here, not in {precision}"):
        opened(model, precision=precision)


def test_a_file_in_fp16_is_run_in_fp16_and_in_nothing_else(trt, model):
    spec = dataclasses.replace(model.manifest.artifact("segmenter"), precision="fp16")
    path = model.artifact_path("segmenter")
    for precision in ("auto", "fp16"):
        with closing(open_backend("tensorrt", path, spec, precision=precision)) as backend:
            assert backend.precision == "fp16"
    with pytest.raises(ValueError, match="segmenter.onnx with tensorrt computes in fp16 here"):
        open_backend("tensorrt", path, spec, precision="fp32")


def test_a_gpu_that_is_not_there_is_named(trt, model):
    with pytest.raises(DeviceUnavailable, match=r"no cuda:5 here, only cuda:0 \(Orin\)"):
        opened(model, device="cuda:5")


def test_without_a_driver_nothing_of_tensorrt_is_made(trt, monkeypatch, model):
    monkeypatch.setattr(driver, "ask_driver", lambda: driver.Driver(problem="it is broken"))
    with pytest.raises(DeviceUnavailable, match="cannot run on cuda:0: it is broken"):
        opened(model)
    assert trt.builds == 0


# --- what "auto" makes of it ---------------------------------------------------------------------


def on_a_jetson(monkeypatch, installed, problem=""):
    find = lambda name: name if name in installed else None  # noqa: E731
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(driver, "shows_itself", lambda: True)
    monkeypatch.setattr(driver, "ask_driver", lambda: driver.Driver("12.6", (GPU,), problem))


@pytest.mark.parametrize(
    ("installed", "problem", "expected", "words"),
    [
        (["tensorrt", "pycuda", "onnxruntime"], "", "tensorrt", "first choice on aarch64 with its"),
        (["tensorrt", "cuda", "onnxruntime"], "", "tensorrt", "first choice on aarch64 with its"),
        (["tensorrt", "onnxruntime"], "", "onnxruntime", "neither pycuda nor cuda-python"),
        (["onnxruntime", "cuda"], "", "onnxruntime", "tensorrt, .* is not installed"),
        (["tensorrt", "cuda", "onnxruntime"], "no answer", "onnxruntime", "be used: no answer"),
    ],
)
def test_auto_takes_it_when_all_is_there_and_says_what_is_missing(
    monkeypatch, installed, problem, expected, words
):
    on_a_jetson(monkeypatch, installed, problem)
    name, reason = choose_backend()
    assert name == expected and re.search(words, reason), reason


def test_without_another_backend_the_error_says_what_is_wrong_with_this_one(monkeypatch):
    on_a_jetson(monkeypatch, ["tensorrt", "cuda"], "NVIDIA's driver does not work")
    words = (
        "no backend runs on cuda here: tensorrt cannot be used: NVIDIA's driver does not work; "
        "another way: pip install onnxruntime-gpu"
    )
    with pytest.raises(ImportError, match=words):
        choose_backend("cuda")


def test_a_machine_without_a_gpu_hears_nothing_of_it(monkeypatch):
    on_a_jetson(monkeypatch, ["onnxruntime"])
    monkeypatch.setattr(driver, "shows_itself", lambda: False)
    assert choose_backend() == ("onnxruntime", "the first choice on aarch64")
