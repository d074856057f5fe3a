# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The machine and this process: what stands beside every figure. Linux; elsewhere less is known."""

from __future__ import annotations

import math
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
CGROUP, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
STATM = Path("/proc/self/statm")  # sizes in pages, the second one is resident
STATUS = Path("/proc/self/status")


def cpu_info() -> str:
    """Return what the kernel says of the processor; "" where it does not say."""
    return CPU_INFO.read_text(encoding="utf-8") if CPU_INFO.is_file() else ""


def cpu_features() -> frozenset[str]:
    """Return the instruction sets of the processor by the kernel's names, as "avx512_vnni"."""
    for line in cpu_info().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):  # x86, Arm
            return frozenset(value.split())
    return frozenset()


def processor() -> str:
    """Return the processor's name, or its architecture where it has none (Arm)."""
    for line in cpu_info().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def cores() -> int:
    """Return how many logical cores this process may use: by its affinity and its cgroup's limit.

    Half a core of a limit (as of `docker run --cpus 1.5`) counts as a whole one.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    number = len(affinity(0)) if affinity else os.cpu_count() or 1
    return math.ceil(min(number, _cgroup_limit()))


def _cgroup_limit() -> float:
    """Return the least number of cores that a control group above this process allows."""
    if not CGROUP.is_file():
        return math.inf
    limits = [math.inf]
    for line in CGROUP.read_text(encoding="utf-8").splitlines():
        controllers, place = line.split(":", 2)[1:]
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = CGROUPS / "cpu" if controllers else CGROUPS  # version 1, version 2
        # Inside of a container the path may be the host's, and only the root be there.
        folder = root / place.lstrip("/")
        for above in [folder, *folder.parents]:
            if above == root or root in above.parents:
                limits.append(_limit_of(above))
    return min(limits)


def _limit_of(group: Path) -> float:
    """Return the cores that one control group allows, by either version's files."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (group / f"cpu.cfs_{what}_us").read_text(encoding="utf-8")
                for what in ("quota", "period")
            )
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


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
    return int(STATM.read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


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
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.is_file() else []
    for line in lines:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"{STATUS} has no line VmHWM; peak memory is measured on Linux only")
