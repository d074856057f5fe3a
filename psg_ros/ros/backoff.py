# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backoff: what goes on and on is reported less and less often."""

from __future__ import annotations


class Backoff:
    """Says when the next report is due: after the first wait, then after waits that double.

    Starts as if `reset(0)` had been called. Seconds are of whatever clock the caller has.

    Args:
        first_s, longest_s: bounds of the wait; the longest is never shorter than the first.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, max(first_s, longest_s)
        self.reset(0.0)

    def reset(self, now_s: float) -> None:
        """Start again with the shortest wait."""
        self._last_s, self.wait_s = now_s, self._first_s

    def due(self, now_s: float) -> bool:
        """Return whether to report now; if so, the next wait begins, twice as long."""
        if now_s - self._last_s < self.wait_s:
            return False
        self._last_s, self.wait_s = now_s, min(2 * self.wait_s, self._longest_s)
        return True
