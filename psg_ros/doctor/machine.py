# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The machine itself: Python, processor, shared memory, GPU."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from psg_ros import __version__, shared_memory
from psg_ros.doctor.finding import Finding, version_of
from psg_ros.machine import cores, cpu_info, processor
from psg_ros.resources import share_path

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
BASICS = {"numpy": "numpy", "yaml": "pyyaml", "tqdm": "tqdm"}
BF16_FLAGS = frozenset(("avx512_bf16", "amx_bf16", "bf16"))


def examine_machine() -> Iterator[Finding]:
    """Yield what no package can change."""
    yield Finding("required", "Python", "ok", f"{platform.python_version()}, {sys.executable}")
    yield _package()
    yield _processor()
    yield _shared_memory()
    yield _gpu()


def examine_basics() -> Iterator[Finding]:
    """Yield the packages without which nothing of ours can be imported."""
    for module, distribution in BASICS.items():
        if importlib.util.find_spec(module) is None:
            cure = f"pip install {distribution}"
            yield Finding("required", distribution, "missing", "needed by everything", cure)
        else:
            yield Finding("required", distribution, "ok", version_of(distribution))


def has_bf16(cpu_info: str) -> bool:
    """Whether the text of /proc/cpuinfo names bfloat16 arithmetic."""
    return not BF16_FLAGS.isdisjoint(cpu_info.split())


def _package() -> Finding:
    try:
        return Finding("required", "psg_ros", "ok", f"{__version__}, files in {share_path()}")
    except FileNotFoundError as error:
        cure = "colcon build; without ROS 2: pip install --force-reinstall . in the source folder"
        return Finding("required", "psg_ros", "broken", str(error), cure)


def _processor() -> Finding:
    bf16 = "with bf16" if has_bf16(cpu_info()) else "without bf16 (networks run in fp32)"
    return Finding("optional", "processor", "ok", f"{cores()} cores, {bf16}, {processor()}")


def _shared_memory() -> Finding:
    name, found = "shared memory", shared_memory.describe()
    size_mib = shared_memory.segment_mib()
    if size_mib == shared_memory.FULL_SEGMENT_MIB:
        return Finding("optional", name, "ok", found)
    consequence = (
        f"room for {size_mib} MiB a sender, a few large images"
        if size_mib
        else "too little for images, they go by UDP"
    )
    cure = shared_memory.CURE
    return Finding("optional", name, "broken", f"{found}; {consequence}", cure)


def _gpu() -> Finding:
    driver = NVIDIA_DRIVER.is_file() or shutil.which("nvidia-smi") is not None
    tensorrt = importlib.util.find_spec("tensorrt") is not None
    parts = [
        "NVIDIA driver found" if driver else "no NVIDIA driver",
        "TensorRT installed" if tensorrt else "no TensorRT",
    ]
    cure = "nothing to do without an NVIDIA GPU; with one, install its driver (docs/gpu.md)"
    detail = ", ".join(parts)
    return Finding("optional", "GPU", "ok" if driver else "missing", detail, "" if driver else cure)
