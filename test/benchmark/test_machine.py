# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands beside the figures."""

import os
import subprocess
import sys

import numpy as np

from psg_ros.benchmark.machine import describe_machine, peak_resident_mib

GROW_BY_48_MIB = """
from psg_ros.benchmark.machine import peak_resident_mib
before = peak_resident_mib()
block = bytearray(48 * 2**20)
del block
print(before, peak_resident_mib())
"""


def test_machine_names_processor_cores_and_versions():
    machine = describe_machine("numpy")
    assert machine["cores"] == os.cpu_count()
    assert machine["numpy"] == np.__version__
    assert machine["processor"]


def test_peak_memory_is_that_of_the_process_alone_and_outlasts_the_block():
    ours = peak_resident_mib()
    printed = subprocess.check_output([sys.executable, "-c", GROW_BY_48_MIB], text=True)
    before, after = map(float, printed.split())
    assert before < ours, "a small program does not inherit the peak of this large one"
    assert 44 < after - before < 60


def test_a_package_that_pip_did_not_install_has_no_version():
    assert describe_machine("no-such-package")["no-such-package"] == "unknown"
