# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the running process that large images need. Call before `rclpy.init`."""

from __future__ import annotations

import ctypes
import os

from psg_ros.ros.transport import (
    MMAP_THRESHOLD_BYTES,
    TRIM_THRESHOLD_BYTES,
    transport_complaint,
    transport_environment,
)

# From <malloc.h> of glibc, where they are part of the stable interface.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3


def prepare_process() -> str:
    """Choose the image transport profile and the allocator thresholds for this process.

    What the user has set in the environment stays. Fast DDS reads its variables when the first node
    is made, so setting them here is early enough even when started without the launch file.

    Returns:
        What to tell the user about this machine: why images may get lost and the cure; often empty.
    """
    complaint = transport_complaint(os.environ)
    os.environ.update(transport_environment(os.environ))
    keep_buffers_mapped()
    return complaint


def keep_buffers_mapped() -> bool:
    """Let malloc reuse image-sized blocks instead of mapping and clearing fresh pages each time.

    Returns:
        False where the C library has no `mallopt` (not glibc) or refused.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    accepted = (
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES),
        mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES),
    )
    return all(accepted)
