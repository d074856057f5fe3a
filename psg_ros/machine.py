# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The machine and this process: what stands beside every figure. Linux; elsewhere less is known."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
STATM = Path("/proc/self/statm")  # sizes in pages, the second one is resident
STATUS = Path("/proc/self/status")


def cpu_info() -> str:
    """Return what the kernel says of the processor; "" where it does not say."""
    return CPU_INFO.read_text() if CPU_INFO.is_file() else ""


def processor() -> str:
    """Return the processor's name, or its architecture where it has none (Arm)."""
    for line in cpu_info().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def cores() -> int:
    """Return how many logical cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def describe_machine(*packages: str) -> dict[str, object]:
    """Return processor, cores, load, system, Python and the versions of the given packages.

    A package that pip did not install, as apt's OpenCV, has the version "unknown".
    """
    return {
        "processor": processor(),
        "cores": cores(),
        "load_1min": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def resident_mib() -> float | None:
    """Return the memory that this process holds in RAM, or None where the kernel does not say."""
    if not STATM.is_file():
        return None
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def peak_resident_mib() -> float:
    """Return the most memory this process has had in RAM so far, in MiB.

    The kernel's high-water mark of this program: `getrusage` would also count what the process was
    before it became this program, that is its parent.

    Raises:
        RuntimeError: not Linux.
    """
    lines = STATUS.read_text().splitlines() if STATUS.is_file() else []
    for line in lines:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"{STATUS} has no line VmHWM; peak memory is measured on Linux only")
