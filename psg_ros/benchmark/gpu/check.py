# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Everything about this package on one NVIDIA machine, in at most six minutes, in one file.

    benchmarks/gpu_check.sh [--out FILE] [--minutes 6] [--only SECTION ...]

Each part runs in a process of its own: one that fails, hangs or breaks the device loses nothing of
the others, and the file is rewritten after every part.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psg_ros.files import write_text
from psg_ros.machine import describe_machine

CHILD = "psg_ros.benchmark.gpu.sections"
ALLOWED_S = {
    "device": 30.0,
    "matmul": 30.0,
    "frame b": 70.0,
    "segmenter b": 40.0,
    "relations": 40.0,
    "kernels": 40.0,
    "frame s": 50.0,
    "segmenter s": 40.0,
    "frame l": 80.0,
    "segmenter l": 50.0,
    "profile": 40.0,
    "peers": 40.0,
    "tensorrt": 120.0,
}
"""Parts in their order, what matters most first, and the most seconds each may take."""

LEAST_S = 15.0
"""With less time left a part is not begun."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts and write the file; 1 without a GPU or where a part failed."""
    args = _parser().parse_args(argv)
    if args.device == "cuda" and (why := why_no_gpu()):
        print(f"no NVIDIA GPU: {why}; nothing was measured")
        return 1
    end_s = time.monotonic() + args.minutes * 60
    record: dict[str, Any] = {
        "made_by": "benchmarks/gpu_check.sh",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": describe_machine("torch", "transformers", "tensorrt"),
        "sections": {},
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    for name in args.only or ALLOWED_S:
        left_s = end_s - time.monotonic()
        record["sections"][name] = found = run_section(
            name, args.device, min(ALLOWED_S[name], left_s)
        )
        told = found.get("failed") or found.get("skipped") or "done"
        print(f"{name}: {told}", flush=True)
        write_text(args.out, json.dumps(record, indent=2) + "\n")
    print(f"wrote {args.out}")
    return 1 if any("failed" in found for found in record["sections"].values()) else 0


def why_no_gpu() -> str:
    """Return what keeps torch from a GPU of NVIDIA; empty where it has one."""
    if shutil.which("nvidia-smi") is None:
        return "there is no nvidia-smi, so no driver"
    code = "import torch; print(torch.cuda.is_available(), torch.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no words"])[-1]
        return f"{sys.executable} cannot use torch ({words}); PYTHON=... names a Python that can"
    available, version = done.stdout.split()[-2:]
    return "" if available == "True" else f"torch {version} finds none; nvidia-smi says more"


def run_section(name: str, device: str, seconds: float) -> dict[str, Any]:
    """Run one part; what went wrong is in `failed`, what is missing in `skipped`."""
    if seconds < LEAST_S:
        return {"skipped": "no time left"}
    command = [sys.executable, "-m", CHILD, name, "--device", device, "--seconds", str(seconds)]
    started = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {seconds:.0f} s"}
    if done.returncode:
        words = done.stderr.strip().splitlines()
        return {"failed": words[-1] if words else f"ended with status {done.returncode}"}
    found = dict(json.loads(done.stdout.strip().splitlines()[-1]))
    return found | {"seconds": round(time.monotonic() - started, 1)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gpu_check.sh", description=__doc__)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    out = Path("benchmarks", "results", f"gpu-{platform.node()}-{stamp}.json")
    parser.add_argument("--out", type=Path, default=out, metavar="FILE")
    parser.add_argument("--minutes", type=float, default=6.0, metavar="N")
    parser.add_argument("--only", nargs="+", choices=ALLOWED_S, metavar="SECTION")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: for tests")
    return parser


if __name__ == "__main__":
    sys.exit(main())
