# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ThrottledLog: what keeps happening goes into the log now and then, with how often it did."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from psg_ros.ros.backoff import Backoff

FIRST_S, LONGEST_S = 10.0, 300.0
"""Between reports of one matter; each wait is twice the last."""


@dataclass
class _Matter:
    backoff: Backoff
    seen_s: float
    count: int = 0


class ThrottledLog:
    """Counts by matter; writes the first time, then after waits that double.

    A matter that has been away for twice its wait starts over. May be called from several threads.

    Args:
        write: receives one text for each report.
        patience_s: what goes on for less than this, as at the start, is not worth a line.
        clock_s: returns monotonic seconds.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        patience_s: float = 0.0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._patience_s, self._clock_s = write, patience_s, clock_s
        self._matters: dict[str, _Matter] = {}
        self._lock = threading.Lock()

    def __call__(self, matter: str, reason: str) -> None:
        """Count once more; write where it is time to.

        Args:
            matter: one of a few, such as "no positions".
        """
        now_s = self._clock_s()
        with self._lock:
            known = self._matters.get(matter)
            if known is None or now_s - known.seen_s >= 2 * known.backoff.wait_s:
                known = self._matters[matter] = _Matter(Backoff(FIRST_S / 2, LONGEST_S), now_s)
                known.backoff.reset(now_s - FIRST_S / 2 + self._patience_s)
            known.seen_s = now_s
            known.count += 1
            if known.backoff.due(now_s):
                self._write(f"{matter} ({known.count} times): {reason}")
                known.count = 0
