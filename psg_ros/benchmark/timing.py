# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Timing calls: wall clock and CPU time, with a bound on what is noise."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")

LEAST_REPEATS = 5
"""Below, the spread says too little to tell a difference from noise."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of every repeat: by the clock on the wall, and of all threads of the process."""

    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        return float(np.median(self.wall_ms))

    @property
    def p95_ms(self) -> float:
        return float(np.percentile(self.wall_ms, 95))

    @property
    def p99_ms(self) -> float:
        return float(np.percentile(self.wall_ms, 99))

    @property
    def cpu_median_ms(self) -> float:
        return float(np.median(self.cpu_ms))

    @property
    def notch_ms(self) -> float:
        """Half the notch of a box plot: medians differ if the notches do not overlap.

        1.57 IQR / sqrt(n), McGill, Tukey and Larsen, "Variations of box plots", 1978.
        """
        low, high = np.percentile(self.wall_ms, (25, 75))
        return float(1.57 * (high - low) / np.sqrt(len(self.wall_ms)))


def time_calls(
    call: Callable[[], Result],
    repeats: int,
    warmup: int,
    synchronize: Callable[[], object] = lambda: None,
) -> tuple[Timing, Result]:
    """Call `warmup + repeats` times; return the times of the repeats and the last result.

    Args:
        synchronize: waits until the device has done all it was given; called around every repeat.
    """
    wall_ms, cpu_ms = [], []
    for number in range(warmup + repeats):
        synchronize()
        wall, cpu = time.perf_counter(), time.process_time()
        result = call()
        synchronize()
        if number >= warmup:
            cpu_ms.append((time.process_time() - cpu) * 1e3)
            wall_ms.append((time.perf_counter() - wall) * 1e3)
    return Timing(tuple(wall_ms), tuple(cpu_ms)), result


def is_faster(new: Timing, old: Timing) -> bool | None:
    """Return whether `new` is faster by more than the noise; None if there are too few repeats."""
    if min(len(new.wall_ms), len(old.wall_ms)) < LEAST_REPEATS:
        return None
    return new.median_ms + new.notch_ms < old.median_ms - old.notch_ms
