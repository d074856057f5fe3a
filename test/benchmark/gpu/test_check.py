# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The GPU check on a machine without one: what it says, what it survives, and its parts, tiny."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from psg_ros.benchmark.gpu import check, sections
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.robot.runtime.cuda import compile_kernels, kernel_sources

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts run on a network of a few thousand weights, on small images."""
    segmenter = EomtConfig(
        input_hw=(192, 192), dim=32, depth=4, num_heads=2, num_queries=32, num_query_blocks=2,
        taps=(0, 1, 2, 3),
    )  # fmt: skip
    relations = RelationConfig(dim=24, depth=3, num_heads=2, head_hidden=16)
    config = ModelConfig(name="tiny", segmenter=segmenter, relations=relations)

    def tiny_config(variant: str, *, prune: bool = False) -> ModelConfig:
        stage = dataclasses.replace(relations, prune=prune)
        return dataclasses.replace(config, relations=stage)

    monkeypatch.setattr(sections, "model_config", tiny_config)
    monkeypatch.setattr(sections, "IMAGE_HW", (108, 192))
    monkeypatch.setattr(sections, "SLOTS", 6)


def test_a_machine_without_a_gpu_hears_so_in_one_line() -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU here")
    script = ROOT / "benchmarks" / "gpu_check.sh"
    done = subprocess.run([script], capture_output=True, text=True, env={"PYTHON": sys.executable})
    assert done.returncode == 1
    assert done.stdout.startswith("no NVIDIA GPU: ") and done.stdout.count("\n") == 1


def test_a_frame_is_timed_three_ways_and_relates_every_segment(tiny) -> None:
    found = sections.section_frame("cpu", 0.1, "b")
    for name in ("packed, one graph", "every cell, one graph", "packed, step by step"):
        assert found[name]["calls"] >= 2 and found[name]["median_ms"] > 0
        assert found[name]["relations"] == 6 * 5


def test_relations_a_second_are_counted_in_both_directions(tiny) -> None:
    found = sections.section_relations("cpu", 0.1)
    assert found["pairs"] == 15 and not found["varlen attention"]
    packed = found["packed"]
    assert packed["relations_per_s"] == pytest.approx(30 / packed["median_ms"] * 1e3)


def test_the_segmenter_is_set_beside_transformers(tiny) -> None:
    pytest.importorskip("transformers", reason="needs the extra dev")
    found = sections.section_segmenter("cpu", 0.1, "s")
    assert found["times faster than transformers"] > 0


def test_the_profile_names_what_takes_longest(tiny) -> None:
    found = sections.section_profile("cpu", 1.0)
    assert len(found) == 20 and list(found.values()) == sorted(found.values(), reverse=True)


def test_what_is_not_here_is_skipped_by_name(monkeypatch) -> None:
    monkeypatch.setattr(sections, "_exists", lambda module: False)
    with pytest.raises(sections.Skipped, match="tensorrt is not installed"):
        sections.section_tensorrt("cpu", 1.0)
    with pytest.raises(sections.Skipped, match="transformers is not installed"):
        sections.section_peers("cpu", 1.0)
    compile_kernels.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for library in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(sections.Skipped, match="nothing here compiles .*: pip install cuda-python"):
        sections.section_kernels("cpu", 60.0)


def test_every_cuda_source_is_compiled_for_this_device(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(sections, "compile_kernels", lambda *given: asked.append(given))
    found = sections.section_kernels("cpu", 60.0)
    assert found == {"architecture": "sm_75"} | dict.fromkeys(kernel_sources(), "compiles")
    assert asked == [(name, text, (7, 5)) for name, text in kernel_sources().items()]


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
def test_kernels_that_do_not_compile_say_why(monkeypatch) -> None:
    sources = {
        "good.cu": "__global__ void good(float *x) { x[0] = 1; }\n",
        "bad.cu": "__global__ void bad() { nonsense; }\n",
    }
    monkeypatch.setattr(sections, "kernel_sources", lambda: sources)
    found = sections.section_kernels("cpu", 60.0)
    assert found["good.cu"] == "compiles" and "nonsense" in found["bad.cu"]


def test_kernels_run_where_the_device_can_be_reached_and_are_said_not_to_otherwise(monkeypatch):
    monkeypatch.setattr(sections.driver, "access_module", lambda: None)
    assert "neither pycuda nor cuda-python" in sections._run_kernels((9, 0))
    monkeypatch.setattr(sections.driver, "access_module", lambda: "cuda")
    monkeypatch.setattr(sections, "_exists", lambda module: module != "cv2")
    assert "needs cv2" in sections._run_kernels((9, 0))


def test_every_part_has_its_time_and_all_fit_into_a_run() -> None:
    assert set(check.ALLOWED_S) == set(sections.SECTIONS)
    first = ["frame b", "segmenter b", "relations", "kernels", "frame s"]
    assert sum(check.ALLOWED_S[name] for name in ["device", "matmul", *first]) <= 6 * 60


def test_a_part_that_fails_or_hangs_loses_nothing(monkeypatch, tmp_path: Path, capsys) -> None:
    answers = iter(
        [{"failed": "the device is lost"}, {"skipped": "tensorrt is not here"}, {"a": 1}]
    )
    monkeypatch.setattr(check, "run_section", lambda *_: next(answers))
    only = ["--only", "matmul", "tensorrt", "relations"]
    status = check.main(["--device", "cpu", "--out", str(tmp_path / "new" / "r.json"), *only])
    assert status == 1
    written = json.loads((tmp_path / "new" / "r.json").read_text())
    found = written["sections"]
    assert {"processor", "cores", "python", "torch"} <= written["machine"].keys()
    assert [*found] == ["matmul", "tensorrt", "relations"] and found["relations"] == {"a": 1}
    printed = capsys.readouterr().out
    assert "matmul: the device is lost" in printed and "tensorrt: tensorrt is not here" in printed


def test_a_part_is_a_process_whose_last_line_counts() -> None:
    found = check.run_section("device", "cpu", 300.0)
    assert found["torch"] and found["seconds"] > 0
    assert "invalid choice" in check.run_section("nonsense", "cpu", 60.0)["failed"]
    assert "no time left" in check.run_section("device", "cpu", 1.0)["skipped"]


BARE = """
import sys
BLOCKED = {"jaxtyping", "yaml", "cv2", "PIL", "tqdm", "onnx", "scipy", "simplejpeg", "openvino",
           "onnxruntime", "onnxscript"}
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
from psg_ros.benchmark.gpu import sections, stand_ins
sections.SLOTS = 6
relations = sections._frame("s", "cpu")()
print(len(relations), sections.section_device("cpu", 1.0))
"""


def test_torch_alone_is_enough(tmp_path: Path) -> None:
    """As on a bare machine: none of what the package needs elsewhere is there."""
    done = subprocess.run(
        [sys.executable, "-c", BARE], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"{6 * 5} "), "a frame of DSFlash-S relates every segment"
