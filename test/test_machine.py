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
