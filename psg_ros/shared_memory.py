# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much shared memory a sender of images may take here. Needs nothing but Python."""

from __future__ import annotations

import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
CURE = (
    "give the container more (docker run --shm-size=512m ...), or, while no ROS 2 runs, remove "
    f"what killed processes left: rm {SHARED_MEMORY}/*fastdds_*"
)
"""What helps where there is too little."""

FULL_SEGMENT_MIB = 64
"""Ten full-HD colour images: what a sender takes where there is enough."""

USEFUL_SEGMENT_MIB = 8
"""One full-HD colour image and room for the next to begin; with less, images get lost."""

LARGEST_SHARE, LARGEST_SHARE_OF_FREE = 3 / 8, 3 / 4
"""Of a small file system, so that camera and node fit together and leave something to others."""


def segment_mib(folder: Path = SHARED_MEMORY) -> int:
    """Return the size in MiB of the segment that one sender of images should ask for.

    The segment is reserved as a whole, and a middleware that does not get it talks without shared
    memory. 0 where not even one image would fit.
    """
    if not folder.is_dir():
        return 0
    usage = shutil.disk_usage(folder)
    fitting = int(min(usage.total * LARGEST_SHARE, usage.free * LARGEST_SHARE_OF_FREE)) >> 20
    return min(FULL_SEGMENT_MIB, fitting) if fitting >= USEFUL_SEGMENT_MIB else 0


def describe(folder: Path = SHARED_MEMORY) -> str:
    """Return how much there is and how much of it is free."""
    if not folder.is_dir():
        return f"no {folder}"
    usage = shutil.disk_usage(folder)
    return f"{usage.free >> 20} of {usage.total >> 20} MiB free in {folder}"
