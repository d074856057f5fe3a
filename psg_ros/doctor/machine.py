# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The machine itself: Python, processor, shared memory, GPU."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from psg_ros import __version__
from psg_ros.doctor.finding import Finding, version_of
from psg_ros.resources import share_path

CPU_INFO = Path("/proc/cpuinfo")
SHARED_MEMORY = Path("/dev/shm")
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
BASICS = {"numpy": "numpy", "yaml": "pyyaml", "tqdm": "tqdm"}
BF16_FLAGS = frozenset(("avx512_bf16", "amx_bf16", "bf16"))

WANTED_SHARED_MIB = 256
"""Three processes with the image profile's 64 MiB segment each, and room to spare (our choice)."""


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
    info = CPU_INFO.read_text() if CPU_INFO.is_file() else ""
    names = [
        line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    bf16 = "with bf16" if has_bf16(info) else "without bf16 (networks run in fp32)"
    name = names[0] if names else platform.machine()
    return Finding("optional", "processor", "ok", f"{cores} cores, {bf16}, {name}")


def _shared_memory() -> Finding:
    if not SHARED_MEMORY.is_dir():
        return Finding(
            "optional", "shared memory", "missing", f"no {SHARED_MEMORY}; images go by UDP"
        )
    usage = shutil.disk_usage(SHARED_MEMORY)
    total_mib, free_mib = usage.total >> 20, usage.free >> 20
    if free_mib >= WANTED_SHARED_MIB:
        return Finding("optional", "shared memory", "ok", f"{free_mib} of {total_mib} MiB free")
    return Finding(
        "optional",
        "shared memory",
        "broken",
        f"{free_mib} of {total_mib} MiB free; below {WANTED_SHARED_MIB} large images may get lost",
        f"docker run --shm-size=512m ..., or, while no ROS 2 runs: rm {SHARED_MEMORY}/*fastdds_*",
    )


def _gpu() -> Finding:
    driver = NVIDIA_DRIVER.is_file() or shutil.which("nvidia-smi") is not None
    tensorrt = importlib.util.find_spec("tensorrt") is not None
    parts = [
        "NVIDIA driver found" if driver else "no NVIDIA driver",
        "TensorRT installed" if tensorrt else "no TensorRT",
    ]
    return Finding(
        "optional", "GPU", "missing", f"{', '.join(parts)}; this version has no GPU backend"
    )
