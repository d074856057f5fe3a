# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A machine with a GPU: fakes of its driver, of TensorRT and of what reaches the device."""

from __future__ import annotations

import importlib
import shutil
import sys

import fake_cuda
import fake_tensorrt
import pytest

from psg_ros.robot.runtime import cuda
from psg_ros.robot.runtime.tensorrt import driver

GPU = driver.Gpu("Orin", (8, 7), 8 << 30)
OURS = (
    "tensorrt_backend", "tensorrt.engine", "tensorrt.messages", "tensorrt.device",
    "tensorrt.running",
)  # fmt: skip


def install(monkeypatch, gpu, library="cuda", version="10.3.0", driver_version="12.6", card=GPU):
    """Put the fakes where the real libraries would be; returns that of TensorRT."""
    if shutil.which("g++") is None:
        pytest.skip("the fake GPU runs kernels by g++")
    cuda.compile_kernels.cache_clear()
    source_as_code = lambda name, source, target: fake_cuda.CUBIN + source.encode()  # noqa: E731
    monkeypatch.setattr(cuda, "_by_nvcc", source_as_code)  # that of pycuda's users
    trt = fake_tensorrt.make(gpu, version, card.capability)
    monkeypatch.setattr(driver, "shows_itself", lambda: True)
    monkeypatch.setattr(driver, "ask_driver", lambda: driver.Driver(driver_version, (card, card)))
    monkeypatch.setattr(driver, "access_module", lambda: library)
    for name in ("cuda", "pycuda", "tensorrt"):
        for loaded in [m for m in sys.modules if m.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
    absent = {"cuda": None} if library == "pycuda" else {}
    for name, module in {**absent, **fake_cuda.modules(gpu, library), "tensorrt": trt}.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in OURS:
        monkeypatch.delitem(sys.modules, f"psg_ros.robot.runtime.{name}", raising=False)
    for name in OURS:
        whole = f"psg_ros.robot.runtime.{name}"
        monkeypatch.setitem(sys.modules, whole, importlib.import_module(whole))
    return trt
