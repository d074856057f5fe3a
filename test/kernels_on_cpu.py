# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CUDA sources compiled by g++ and run on the processor, over every thread of a grid."""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

SHIM = Path(__file__).with_name("cuda_shim.h")
BLOCK = 64
_KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')


def compile_on_cpu(source: str, folder: Path) -> ctypes.CDLL:
    """Return a library with a function `on_cpu_NAME(threads, arguments of the kernel)` for each."""
    runners = [_runner(name, parameters) for name, parameters in _KERNEL.findall(source)]
    assert runners, "no kernel in this source"
    text = "\n".join([f'#include "{SHIM}"', source, *runners])
    (folder / "kernels.cpp").write_text(text)
    command = "g++ -std=c++17 -O1 -ffp-contract=off -Wall -Werror -fsanitize=bounds -shared -fPIC"
    files = [str(folder / "kernels.cpp"), "-o", str(folder / "kernels.so")]
    subprocess.run([*command.split(), *files], check=True)
    return ctypes.CDLL(str(folder / "kernels.so"))


def run_kernel(library: ctypes.CDLL, name: str, threads: int, *arguments) -> None:
    """Run a kernel with arrays, ints and floats, in blocks as a GPU would; the last is not full."""
    assert all(a.flags.c_contiguous for a in arguments if isinstance(a, np.ndarray))
    values = [_as_c(argument) for argument in arguments]
    getattr(library, f"on_cpu_{name}")(ctypes.c_int(-(-threads // BLOCK)), *values)


def _as_c(argument):
    if isinstance(argument, np.ndarray):
        return argument.ctypes.data_as(ctypes.c_void_p)
    return (ctypes.c_float if isinstance(argument, float) else ctypes.c_int)(argument)


def kernel_types(source: str) -> dict[str, list[type]]:
    """Return the types of the arguments of every kernel."""

    def of(parameter: str) -> type:
        if "*" in parameter:
            return ctypes.c_void_p
        return ctypes.c_float if parameter.split()[0] == "float" else ctypes.c_int

    return {name: [of(p) for p in text.split(",")] for name, text in _KERNEL.findall(source)}


@cache
def library_of(source: str) -> ctypes.CDLL:
    """Return the kernels of a source, compiled once for all tests."""
    return compile_on_cpu(source, Path(tempfile.mkdtemp(prefix="kernels")))


def _runner(name: str, parameters: str) -> str:
    names = ", ".join(re.split(r"[ *]+", part.strip())[-1] for part in parameters.split(","))
    return f"""extern "C" void on_cpu_{name}(int grid, {parameters}) {{
  blockDim.x = {BLOCK};
  for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++)
    for (threadIdx.x = 0; threadIdx.x < blockDim.x; threadIdx.x++) {name}({names});
}}"""
