# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands beside every figure: the machine and the versions it was measured with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def processor() -> str:
    """Return the processor's name as Linux gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def describe_machine(*packages: str) -> dict[str, object]:
    """Return processor, cores, load, system, Python and the versions of the given packages.

    A package that pip did not install, as apt's OpenCV, has the version "unknown".
    """
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def peak_resident_mib() -> float:
    """Return the most memory this process has had in RAM so far, in MiB.

    The kernel's high-water mark of this program: `getrusage` would also count what the process was
    before it became this program, that is its parent.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no line VmHWM; peak memory is measured on Linux only")
