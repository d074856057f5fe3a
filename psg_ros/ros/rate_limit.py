# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RateLimit: which images of a fast camera are worked on at all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class RateLimit:
    """Lets at most so many images a second through: the first that comes when one is due.

    On average, not from one to the next: of 30 images a second a limit of 20 lets two of three
    through, as they come. Never more than one is made up for after a pause. Another limit counts
    from the next image on.

    Args:
        clock_s: returns monotonic seconds; simulated time does not save work.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s, self._due_s = clock_s, -math.inf
        self._max_rate = 0.0

    def lets_through(self, max_rate: float) -> bool:
        """Whether to work on an image that came now.

        Args:
            max_rate: images per second; 0 is no limit.
        """
        if max_rate <= 0:
            return True
        now_s, period_s = self._clock_s(), 1 / max_rate
        if max_rate != self._max_rate:  # what is due by a slower one may be far ahead
            self._max_rate, self._due_s = max_rate, min(self._due_s, now_s)
        if now_s < self._due_s:
            return False
        self._due_s = max(self._due_s, now_s - period_s) + period_s
        return True
