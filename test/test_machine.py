# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands beside the figures."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from psg_ros import machine as machine_module
from psg_ros.machine import describe_machine, peak_resident_mib, resident_mib

GROW_BY_48_MIB = """
from psg_ros.machine import peak_resident_mib
before = peak_resident_mib()
block = bytearray(48 * 2**20)
del block
print(before, peak_resident_mib())
"""


def test_machine_names_processor_cores_and_versions():
    machine = describe_machine("numpy")
    assert machine["cores"] == len(os.sched_getaffinity(0))
    assert machine["numpy"] == np.__version__
    assert machine["processor"]


def test_peak_memory_is_that_of_the_process_alone_and_outlasts_the_block():
    ours = peak_resident_mib()
    printed = subprocess.check_output([sys.executable, "-c", GROW_BY_48_MIB], text=True)
    before, after = map(float, printed.split())
    assert before < ours, "a small program does not inherit the peak of this large one"
    assert 44 < after - before < 60


def test_resident_memory_lies_below_its_peak():
    assert 1 < resident_mib() <= peak_resident_mib()


def test_a_processor_without_a_name_is_called_by_its_architecture(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor : 0\nFeatures : fp asimd\n")
    monkeypatch.setattr(machine_module, "CPU_INFO", tmp_path / "cpuinfo")
    assert machine_module.processor() == platform.machine()


def test_elsewhere_than_on_linux_memory_is_unknown(monkeypatch, tmp_path):
    for name in ("STATM", "STATUS", "CPU_INFO"):
        monkeypatch.setattr(machine_module, name, tmp_path / name)
    assert resident_mib() is None
    assert machine_module.processor() == platform.machine()
    with pytest.raises(RuntimeError, match="on Linux only"):
        peak_resident_mib()


def test_a_package_that_pip_did_not_install_has_no_version():
    assert describe_machine("no-such-package")["no-such-package"] == "unknown"


@pytest.mark.parametrize(
    ("group", "files", "expected"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/box", {"cpu.max": "max 100000", "box/cpu.max": "100000 100000"}, 1),
        ("0::/box", {"cpu.max": "100000 100000", "box/cpu.max": "max 100000"}, 1),
        # The path of the host, as a container sees it: only the root is there.
        ("0::/docker/1234", {"cpu.max": "50000 100000"}, 1),
        ("4:cpu,cpuacct:/box", {"cpu/box/cpu.cfs_quota_us": "200000"}, 2),
        ("4:cpuset:/\n3:cpu:/", {"cpu/cpu.cfs_quota_us": "-1"}, 8),
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/", {"cpu.max": "nonsense"}, 8),
        ("0::/", {}, 8),
    ],
)
def test_cores_are_those_that_a_container_may_use(monkeypatch, tmp_path, group, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    (tmp_path / "cgroup").write_text(group + "\n")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
        if name.endswith("quota_us"):
            (tmp_path / name).with_name("cpu.cfs_period_us").write_text("100000\n")
    monkeypatch.setattr(machine_module, "CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(machine_module, "CGROUPS", tmp_path)
    assert machine_module.cores() == expected


def test_instruction_sets_are_read_by_the_kernels_names(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_module, "CPU_INFO", tmp_path / "cpuinfo")
    assert machine_module.cpu_features() == frozenset()
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t\t: fpu avx2 avx512_vnni\n")
    assert machine_module.cpu_features() == {"fpu", "avx2", "avx512_vnni"}
    (tmp_path / "cpuinfo").write_text("processor : 0\nFeatures : fp asimd\n")
    assert machine_module.cpu_features() == {"fp", "asimd"}
