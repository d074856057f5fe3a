# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the GPU check; each is a program of its own that prints one JSON object.

    python -m psg_ros.benchmark.gpu.sections NAME [--device cpu --seconds 5]

A part that lacks something raises `Skipped` with its name. On the CPU everything that can runs,
small and slow, which is how it is tested.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from psg_ros.benchmark.gpu import stand_ins

stand_ins.install()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from psg_ros.benchmark.gpu.frame import (  # noqa: E402
    RankedFrame,
    StagedSegmenter,
    stream_of,
)
from psg_ros.benchmark.gpu.variants import VARIANTS, model_config  # noqa: E402
from psg_ros.benchmark.ladder.networks import NUM_LABELS, NUM_PREDICATES  # noqa: E402
from psg_ros.benchmark.ladder.scene import make_scene  # noqa: E402
from psg_ros.network.dsflash import DsFlash, build_dsflash  # noqa: E402
from psg_ros.network.fixed_packing import (  # noqa: E402
    NUM_EXTRA,
    FixedPackedRelations,
    has_varlen,
)
from psg_ros.robot.runtime.cuda import compile_kernels, kernel_sources  # noqa: E402
from psg_ros.robot.runtime.tensorrt import driver  # noqa: E402
from psg_ros.robot.runtime.tensorrt.device import DEVICES  # noqa: E402
from psg_ros.torch_runtime.arithmetic import NARROW, computing_in, store_narrow  # noqa: E402

NUM_THINGS, SLOTS = 80, 24
IMAGE_HW = (1080, 1920)
"""The picture that was scaled to the network's input: its shape decides what the masks cover."""


class Skipped(Exception):
    """A part cannot run here; the text says what is missing."""


def section_device(device: str, seconds: float) -> dict[str, Any]:
    """Return what the machine is."""
    facts: dict[str, Any] = {"torch": torch.__version__, "cuda": torch.version.cuda}
    facts["stand_ins"] = stand_ins.install()
    if device != "cpu":
        properties = torch.cuda.get_device_properties(0)
        facts |= {
            "name": properties.name,
            "compute_capability": f"{properties.major}.{properties.minor}",
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "driver": _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
            "clocks": _output("nvidia-smi", "--query-gpu=clocks.sm,clocks.max.sm", "--format=csv"),
        }
    return facts


def section_matmul(device: str, seconds: float) -> dict[str, Any]:
    """Return the rate of large bf16 products, which all the rest is to be judged by."""
    size = 8192 if device != "cpu" else 256
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = _times(lambda: a @ b, device, min(seconds, 5.0))
    return {**_summary(times), "tflops": 2 * size**3 / np.median(times) / 1e9}


def section_frame(device: str, seconds: float, variant: str) -> dict[str, Any]:
    """Return times of a whole frame: bytes of the network's input to ranked relations."""
    found: dict[str, Any] = {
        "masks": SLOTS, "image_hw": IMAGE_HW, "precision": _half(device),
        "varlen attention": _attends_packed(device, variant),
    }  # fmt: skip
    for name, packs, captures in (
        ("packed, one graph", True, True),
        ("every cell, one graph", False, True),
        ("packed, step by step", True, False),
    ):
        frame = _frame(variant, device, packs=packs, captures=captures)
        relations = frame()
        found[name] = _summary(_times(frame, device, seconds / 4))
        found[name]["relations"] = len(relations)
    return found


def section_segmenter(device: str, seconds: float, variant: str) -> dict[str, Any]:
    """Return times of the segmenter alone, captured, and of transformers' EoMT, eager fp16."""
    precision, segmenter = _half(device), _model(variant).segmenter
    segmenter.to(device).eval()
    store_narrow(segmenter, precision)
    side = model_config(variant).segmenter.input_hw
    pixels = torch.rand(1, 3, *side, device=device) * 255
    found: dict[str, Any] = {}
    run = _computing(lambda: segmenter(pixels), device)
    found["ours, one graph"] = _summary(_times(_one_graph(run, device), device, seconds / 3))
    found["ours, eager"] = _summary(_times(run, device, seconds / 4))
    with torch.inference_mode():
        try:
            networks = _transformers_networks()
        except Skipped as why:
            found["transformers"] = f"skipped: {why}"
            return found
        ours: Any = model_config(variant).segmenter
        theirs = networks.eomt(ours, NUM_LABELS).to(device, NARROW[precision]).eval()
        normed = (pixels / 255).to(NARROW[precision])
        found["transformers, eager"] = _summary(
            _times(lambda: theirs(pixel_values=normed), device, seconds / 4)
        )
    ratio = found["transformers, eager"]["median_ms"] / found["ours, one graph"]["median_ms"]
    found["times faster than transformers"] = ratio
    return found


def section_relations(device: str, seconds: float) -> dict[str, Any]:
    """Return directed relations a second of the relation stage at `SLOTS` segments."""
    stage = _model("b").relations
    stage.to(device).eval()
    store_narrow(stage, _half(device))
    rng = torch.Generator().manual_seed(0)
    pairs, cells = SLOTS * (SLOTS - 1) // 2, stage.grid_hw[0] * stage.grid_hw[1]
    owner = torch.randint(0, SLOTS, (cells,), generator=rng)
    shares = (owner == torch.arange(SLOTS)[:, None]).float()
    first, second = torch.triu_indices(SLOTS, SLOTS, offset=1)
    tokens = torch.randn(1, cells, stage.neck.config.dim, generator=rng)
    boxes = torch.rand(pairs, 8, generator=rng)
    arguments = [part.to(device) for part in (tokens, shares[first], shares[second], boxes)]
    rows = int((shares[first] + shares[second] > 0).sum()) + NUM_EXTRA * pairs
    packed = FixedPackedRelations(stage, rows)
    found: dict[str, Any] = {
        "pairs": pairs, "rows": rows, "varlen attention": _attends_packed(device, "b")
    }  # fmt: skip
    for name, run in (
        ("packed", lambda: packed(*arguments)),
        ("every cell", lambda: stage(*arguments)),
    ):
        times = _times(_one_graph(_computing(run, device), device), device, seconds / 2)
        found[name] = _summary(times)
        found[name]["relations_per_s"] = 2 * pairs / np.median(times) * 1e3
    return found


def section_profile(device: str, seconds: float) -> dict[str, Any]:
    """Return where the time of one frame of B goes: the kernels that take longest, in us."""
    from torch.profiler import ProfilerActivity, profile

    frame = _frame("b", device)
    frame()
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device != "cpu" else [])
    with profile(activities=activities) as profiler:
        frame()
    kind = "self_device_time_total" if device != "cpu" else "self_cpu_time_total"
    rows = sorted(profiler.key_averages(), key=lambda row: -getattr(row, kind))[:20]
    return {row.key[:100]: round(getattr(row, kind), 1) for row in rows}


def section_kernels(device: str, seconds: float) -> dict[str, Any]:
    """Compile our CUDA sources for this device and, where it can be reached, run them on it."""
    capability = (7, 5) if device == "cpu" else torch.cuda.get_device_capability()
    found: dict[str, Any] = {"architecture": "sm_{}{}".format(*capability)}
    for name, text in kernel_sources().items():
        try:
            compile_kernels(name, text, capability)
            found[name] = "compiles"
        except RuntimeError as error:
            if "nothing here compiles" in str(error):
                raise Skipped(str(error)) from error
            found[name] = str(error)[-500:]
    if device != "cpu":
        found["differs from numpy"] = _run_kernels(capability)
    return found


def _run_kernels(capability: tuple[int, int]) -> dict[str, float] | str:
    """Return what differs, or why nothing could be run."""
    if (library := driver.access_module()) is None:
        return "neither pycuda nor cuda-python is installed: not run"
    if not (_exists("cv2") and _exists("simplejpeg")):
        return "the numpy path needs cv2 and simplejpeg: not run"
    from psg_ros.benchmark.gpu.kernel_check import check_kernels

    return check_kernels(DEVICES[library](0), capability)


def section_tensorrt(device: str, seconds: float) -> dict[str, Any]:
    """Run the demo model by our backend, where TensorRT is."""
    if not _exists("tensorrt"):
        raise Skipped("tensorrt is not installed")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "stages.json")
        command = [sys.executable, "-m", "psg_ros", "benchmark", "--stages", "--json", str(report)]
        command += ["--backend", "tensorrt", "--image", str(_any_picture(folder))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no words"])[-1])
        return dict(json.loads(report.read_text(encoding="utf-8")))


def section_peers(device: str, seconds: float) -> dict[str, Any]:
    """Time transformers' Mask2Former, eager, at the same size."""
    networks = _transformers_networks()
    network = networks.mask2former(NUM_LABELS, num_queries=100).to(device).eval()
    pixels = torch.rand(1, 3, 640, 640, device=device)
    with torch.inference_mode():
        times = _times(lambda: network(pixel_values=pixels), device, seconds / 2)
    return {"Mask2Former Swin-T, eager fp32, network alone": _summary(times)}


SECTIONS: dict[str, Callable[[str, float], dict[str, Any]]] = {
    "device": section_device,
    "matmul": section_matmul,
    **{f"frame {v}": partial(section_frame, variant=v) for v in VARIANTS},
    **{f"segmenter {v}": partial(section_segmenter, variant=v) for v in VARIANTS},
    "relations": section_relations,
    "kernels": section_kernels,
    "profile": section_profile,
    "peers": section_peers,
    "tensorrt": section_tensorrt,
}
"""Name -> what runs it; `check` says in which order and how long."""


def main() -> int:
    """Run one part and print what it found as the last line of the standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SECTIONS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Loading takes part of the time; half of it is for measuring.
    try:
        found = SECTIONS[args.name](args.device, args.seconds / 2)
    except Skipped as why:
        found = {"skipped": str(why)}
    print(json.dumps(found, default=float), file=answers, flush=True)
    return 0


def _half(device: str) -> str:
    """Return fp16; on the CPU bf16, which it has."""
    return "fp16" if device != "cpu" else "bf16"


def _computing(run: Callable[[], Any], device: str) -> Callable[[], Any]:
    """Return what runs in half precision, as the backend does."""

    def computed() -> Any:
        with computing_in(_half(device), device):
            return run()

    return computed


def _attends_packed(device: str, variant: str) -> bool:
    """Return whether pairs attend by varlen attention here."""
    config = model_config(variant).relations
    shape = (1, config.num_heads, config.dim // config.num_heads)
    return has_varlen(torch.empty(shape, device=device, dtype=NARROW[_half(device)]))


def _frame(variant: str, device: str, *, packs: bool = True, captures: bool = True) -> RankedFrame:
    model = _model(variant)
    model.segmenter = cast(Any, StagedSegmenter)(model.segmenter, _scene(variant))
    return RankedFrame(
        model,
        [label < NUM_THINGS for label in range(NUM_LABELS)],
        SLOTS,
        stream_of(device, captures=captures),
        precision=_half(device),
        packs=packs,
        content_hw=_content_hw(variant),
    )


def _model(variant: str) -> DsFlash:
    torch.manual_seed(0)
    return build_dsflash(model_config(variant, prune=True), NUM_LABELS, NUM_PREDICATES).eval()


def _content_hw(variant: str) -> tuple[int, int]:
    """Return the cells of the mask grid that the picture fills."""
    config = model_config(variant).segmenter
    rows, columns = (size // config.mask_stride for size in config.input_hw)
    return round(rows * IMAGE_HW[0] / IMAGE_HW[1]), columns


def _scene(variant: str) -> tuple[torch.Tensor, torch.Tensor]:
    config = model_config(variant).segmenter
    rows, columns = (size // config.mask_stride for size in config.input_hw)
    made = make_scene(
        SLOTS,
        num_queries=config.num_queries,
        num_labels=NUM_LABELS,
        grid_hw=(rows, columns),
        content_hw=_content_hw(variant),
        seed=0,
    )
    return torch.from_numpy(made.class_logits), torch.from_numpy(made.mask_logits)


def _transformers_networks() -> Any:
    if not _exists("transformers"):
        raise Skipped("transformers is not installed")
    return importlib.import_module("psg_ros.benchmark.peers.transformers_networks")


def _one_graph(run: Callable[[], Any], device: str) -> Callable[[], Any]:
    """Return what does the same as one graph, and waits for it."""
    stream = stream_of(device)
    enqueue = stream.record(run)

    def replay() -> None:
        enqueue()
        stream.wait()

    return replay


def _times(run: Callable[[], Any], device: str, seconds: float) -> np.ndarray:
    """Return milliseconds of every call, as many as fit, 2 to 500 after one that warms up."""

    def calls() -> Iterator[float]:
        end_s = time.perf_counter() + seconds
        for number in range(501):
            started = time.perf_counter()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            if number:
                yield (time.perf_counter() - started) * 1e3
            if number >= 2 and time.perf_counter() > end_s:
                return

    return np.array(list(calls()))


def _summary(times_ms: np.ndarray) -> dict[str, Any]:
    median, p99 = np.percentile(times_ms, (50, 99))
    return {"median_ms": median, "p99_ms": p99, "least_ms": times_ms.min(), "calls": len(times_ms)}


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"


def _any_picture(folder: str) -> Path:
    """Write a picture that needs no encoder of ours."""
    path = Path(folder, "noise.ppm")
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    path.write_bytes(b"P6 640 480 255\n" + pixels.tobytes())
    return path


if __name__ == "__main__":
    sys.exit(main())
