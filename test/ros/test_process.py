# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a process does to itself before it talks: allocator and shared memory."""

import json
import subprocess
import sys

import pytest

from psg_ros.ros.transport import PROFILE_VARIABLES

SEGMENT_BYTES = 64 << 20

ALLOCATE = """
import ctypes
import psg_ros.ros.process as process
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
if {prepare}:
    assert process.keep_buffers_mapped()
def faults():
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(50):
    block = libc.malloc(6 << 20)
    ctypes.memset(ctypes.c_void_p(block), 1, 6 << 20)
    libc.free(block)
print(faults() - before)
"""

SEGMENT = """
import json, os, sys
from psg_ros.ros.process import prepare_process
if {prepare}:
    prepare_process()
import rclpy
rclpy.init()
node = rclpy.create_node("probe")
mapped = [line.split() for line in open("/proc/self/maps") if "/dev/shm/fast" in line]
sizes = [int(m[0].split("-")[1], 16) - int(m[0].split("-")[0], 16) for m in mapped]
print(json.dumps(max(sizes, default=0)))
node.destroy_node()
rclpy.shutdown()
"""


def run(code, prepare, monkeypatch):
    for name in (*PROFILE_VARIABLES, "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, "-c", code.format(prepare=prepare)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_image_sized_blocks_are_reused_instead_of_mapped_again(monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("glibc only")
    pages = 50 * (6 << 20) // 4096
    assert run(ALLOCATE, True, monkeypatch) < pages / 10


@pytest.mark.ros
def test_the_profile_set_inside_the_process_enlarges_its_shared_memory(monkeypatch, domain_id):
    pytest.importorskip("rclpy")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain_id))
    assert 0 < run(SEGMENT, False, monkeypatch) < SEGMENT_BYTES
    assert run(SEGMENT, True, monkeypatch) >= SEGMENT_BYTES
