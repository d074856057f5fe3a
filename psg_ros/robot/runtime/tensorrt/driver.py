# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's driver: whether it works and which GPUs it has, asked in a process of its own.

TensorRT without a working driver does not always fail: some versions return objects whose use ends
the process. So nothing of TensorRT is made before the driver has answered, and it is asked where a
crash is only an answer. Imports nothing of NVIDIA.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NODES = ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/dxg")
"""Where a driver shows itself: desktop, Jetson before and after version 6, WSL."""

DEVICE_ACCESS = ("pycuda", "cuda")
"""Modules of which one must be there, in the order of preference; see `device`."""

TIMEOUT_S = 30.0

_ASK = """
import ctypes, json
cuda = ctypes.CDLL("libcuda.so.1")
number, text = ctypes.c_int(), ctypes.create_string_buffer(256)
def check(code):
    if code:
        name = ctypes.c_char_p()
        cuda.cuGetErrorName(code, ctypes.byref(name))
        raise SystemExit((name.value or b"error %d" % code).decode())
def ask(call, *more):
    check(call(ctypes.byref(number), *more))
    return number.value
check(cuda.cuInit(0))
version, devices = ask(cuda.cuDriverGetVersion), []
for index in range(ask(cuda.cuDeviceGetCount)):
    device = ask(cuda.cuDeviceGet, index)
    check(cuda.cuDeviceGetName(text, 256, device))
    size = ctypes.c_size_t()
    check(cuda.cuDeviceTotalMem_v2(ctypes.byref(size), device))
    capability = [ask(cuda.cuDeviceGetAttribute, fact, device) for fact in (75, 76)]
    devices.append([text.value.decode(), capability, size.value])
try:
    kernel = open("/proc/driver/nvidia/version").readline().split("  ")[1].strip()
except (OSError, IndexError):
    kernel = ""
print(json.dumps([version, kernel, devices]))
"""


@dataclass(frozen=True)
class Gpu:
    """A GPU as the driver describes it; `capability` is that of compute, as (8, 7)."""

    name: str
    capability: tuple[int, int]
    memory_bytes: int

    def __str__(self) -> str:
        major, minor = self.capability
        return f"{self.name} (compute {major}.{minor}, {self.memory_bytes >> 20} MiB)"


@dataclass(frozen=True)
class Driver:
    """What the driver said.

    Attributes:
        version: of CUDA that it supports and, where it tells, its own, as "13.0 580.65.06".
        gpus: in CUDA's order.
        problem: why there is none to be used, with the cure; empty: there is one.
    """

    version: str = ""
    gpus: tuple[Gpu, ...] = ()
    problem: str = ""


def shows_itself() -> bool:
    """Return whether this machine has a driver of NVIDIA at all, working or not."""
    return any(Path(node).exists() for node in NODES)


@cache
def ask_driver() -> Driver:
    """Return what the driver says; it is asked once."""
    if not shows_itself():
        return Driver(problem="this machine has no NVIDIA GPU, or its driver is not installed")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return _broken(f"no answer within {TIMEOUT_S:.0f} s")
    if done.returncode < 0:
        return _broken(f"asking it ended with signal {-done.returncode}")
    if done.returncode:
        return _broken(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "error")
    version, kernel, devices = json.loads(done.stdout)
    if not devices:
        return _broken("it finds no GPU")
    cuda = f"{version // 1000}.{version % 1000 // 10}"
    gpus = (Gpu(name, (major, minor), size) for name, (major, minor), size in devices)
    return Driver(f"{cuda} {kernel}".strip(), tuple(gpus))


def problem() -> str:
    """Return why TensorRT cannot run here, with the cure; empty: driver and device access work."""
    driver = ask_driver()
    if driver.problem:
        return driver.problem
    if access_module() is None:
        return (
            "neither pycuda nor cuda-python is installed, of which one is needed to reach the "
            "GPU: pip install cuda-python (extra 'cuda'), or pycuda"
        )
    return ""


def access_module() -> str | None:
    """Return which of `DEVICE_ACCESS` is installed, the preferred one first."""
    return next((name for name in DEVICE_ACCESS if importlib.util.find_spec(name)), None)


def _broken(why: str) -> Driver:
    return Driver(
        problem=f"NVIDIA's driver does not work ({why}); `nvidia-smi` says more, and in a "
        "container the option --gpus all is needed"
    )
