# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recent: how fast and how old the last graphs were, and how many images failed. No rclpy."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

WINDOW_S = 10.0
MOST = 10_000
"""More images than any camera sends in the window; bounds the memory in a flood."""


@dataclass(frozen=True)
class Summary:
    """The last `WINDOW_S` seconds.

    Attributes:
        rate_hz: graphs per second.
        age_s: median time from the stamp of an image to its graph; None without graphs.
        failed: images that gave no graph.
    """

    rate_hz: float = 0.0
    age_s: float | None = None
    failed: int = 0


class Recent:
    """Remembers a few seconds; written by one thread, read by another.

    Args:
        clock_s: returns monotonic seconds.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._began_s = clock_s()
        self._ages: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._failures: deque[float] = deque(maxlen=MOST)

    def graph(self, age_s: float) -> None:
        """Note a graph, and how old its image was by then."""
        with self._lock:
            self._ages.append((self._clock_s(), age_s))

    def failure(self) -> None:
        """Note an image that gave no graph."""
        with self._lock:
            self._failures.append(self._clock_s())

    def summary(self) -> Summary:
        """Return what the last seconds were like."""
        with self._lock:
            now_s = self._clock_s()
            since_s = now_s - WINDOW_S
            ages = [age_s for at_s, age_s in self._ages if at_s >= since_s]
            failed = sum(at_s >= since_s for at_s in self._failures)
        span_s = max(min(WINDOW_S, now_s - self._began_s), 1.0)
        return Summary(len(ages) / span_s, median(ages) if ages else None, failed)
