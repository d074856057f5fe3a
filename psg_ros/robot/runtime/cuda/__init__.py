# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels for the steps around the networks: plain CUDA sources, compiled where they run."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

FORMATS = (
    "rgb8", "bgr8", "rgba8", "bgra8", "mono8", "yuyv", "uyvy", "nv12", "nv21", "bayer_rggb8",
    "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8",
)  # fmt: skip
"""Encodings that `prepare.cu` reads, at the places of its `Format`."""

NVCC = "/usr/local/cuda/bin/nvcc"
"""Where JetPack and the CUDA toolkit put it, on no PATH."""

OPTIONS = ("--std=c++17", "--fmad=false")
"""No fused multiply-add: sums then round as they do on the processor."""


def kernel_sources() -> dict[str, str]:
    """Return the text of every source by its file name."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(Path(__file__).parent.glob("*.cu"))
    }


@cache
def compile_kernels(name: str, source: str, capability: tuple[int, int]) -> bytes:
    """Compile a source for a GPU of a compute capability, as (8, 7): by NVRTC, else by nvcc.

    Raises:
        RuntimeError: it does not compile, says where; or nothing is here that compiles it.
    """
    target = f"sm_{capability[0]}{capability[1]}"
    try:
        try:
            from cuda.bindings import nvrtc
        except ImportError:  # before 12.6
            from cuda import nvrtc
    except ImportError:
        return _by_nvcc(name, source, target)
    return _by_nvrtc(nvrtc, name, source, target)


def _by_nvrtc(nvrtc: Any, name: str, source: str, target: str) -> bytes:
    error, program = nvrtc.nvrtcCreateProgram(source.encode(), name.encode(), 0, [], [])
    _check(error)
    options = [option.encode() for option in (*OPTIONS, f"--gpu-architecture={target}")]
    (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if int(error):
        _, size = nvrtc.nvrtcGetProgramLogSize(program)
        text = bytearray(size)
        nvrtc.nvrtcGetProgramLog(program, text)
        raise RuntimeError(f"{name} does not compile: {text.decode().strip(chr(0))}")
    error, size = nvrtc.nvrtcGetCUBINSize(program)
    _check(error)
    code = bytearray(size)
    _check(*nvrtc.nvrtcGetCUBIN(program, code))
    nvrtc.nvrtcDestroyProgram(program)
    return bytes(code)


def _by_nvcc(name: str, source: str, target: str) -> bytes:
    nvcc = shutil.which("nvcc") or shutil.which(NVCC)
    if nvcc is None:
        raise RuntimeError(
            f"nothing here compiles {name}: pip install cuda-python (extra 'cuda'), or put nvcc of "
            "the CUDA toolkit on the PATH"
        )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(source, encoding="utf-8")
        command = [nvcc, "-cubin", f"-arch={target}", *OPTIONS, name, "-o", "out.cubin"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} does not compile: {done.stderr.strip()}")
        return (Path(folder) / "out.cubin").read_bytes()


def _check(error: Any) -> None:
    if int(error):
        raise RuntimeError(f"NVRTC failed: {error}")
