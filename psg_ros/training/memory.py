# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much memory a run takes, so that a leak shows as a rising line among the curves."""

from __future__ import annotations

import ctypes

import torch

from psg_ros.machine import resident_mib


def return_free_memory() -> None:
    """Give memory that is free inside the heap back to the system (glibc; elsewhere nothing).

    Small arrays that stay, made between large ones that go, split the heap: without this, 1,200
    images of stage 2 took 1.7 GB with the demo model instead of 1.0 GB.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def memory_use(device: str) -> dict[str, float]:
    """Return in MiB what this process holds, and the most it has held on its GPU so far."""
    resident = resident_mib()
    use = {} if resident is None else {"memory_mib": round(resident, 1)}
    if torch.device(device).type == "cuda":
        use["gpu_peak_mib"] = round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    return use
