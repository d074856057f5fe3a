# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""QualityLadder: how much is done for an image so that graphs keep the deadline. No rclpy.

FULL is as configured. REDUCED relates only the best segments. STALE works on one image of a few,
and says of the others what the tracks remember. Each rung is taken and left only after a while, so
that graphs do not change their kind all the time. Another deadline begins with FULL again.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from psg_ros.scene_graph import Quality

REDUCED_SEGMENTS = 8
"""Relations are sought among this many best-scored segments: 28 pairs at most."""

STALE_EVERY = 5
"""One image of so many is worked on even when the deadline is out of reach."""

WINDOW = 8
"""Images that are judged together: a single slow one is no reason."""

LATE = 5
"""So many late ones among them lead one rung down."""

AMPLE = 0.7
"""Share of the deadline that all of them must keep to lead one rung up."""

FIRST_WAIT_S, LONGEST_WAIT_S = 3.0, 60.0
"""How long a rung is kept before the next one up is tried; doubles when that was in vain."""

TRIAL_S = 30.0
"""A rung up that is left again within this time was in vain."""


class QualityLadder:
    """Use it from one thread.

    Attributes:
        rung: the present one.

    Args:
        clock_s: returns monotonic seconds.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._took: deque[float] = deque(maxlen=WINDOW)
        self._deadline_ms = 0.0
        self.reset()

    def reset(self) -> None:
        """Begin with everything, and forget what images took."""
        self._took.clear()
        self.rung = Quality.FULL
        self._since_s, self._raised_s = self._clock_s(), -math.inf
        self._wait_s, self._turn = FIRST_WAIT_S, 0

    @property
    def typical_ms(self) -> float:
        """Median of the last images that were worked on; 0 while there is none. Any thread."""
        took = sorted(self._took.copy())
        return took[len(took) // 2] if took else 0.0

    def next(self, deadline_ms: float, *, tracks: bool) -> Quality:
        """Return what to do for the next image.

        Args:
            deadline_ms: 0 is none: everything is done then.
            tracks: whether there are any that STALE graphs could be made of.
        """
        if deadline_ms <= 0 or 0 < self._deadline_ms != deadline_ms:
            self.reset()
        self._deadline_ms = deadline_ms
        if self.rung != Quality.STALE:
            return self.rung
        self._turn = (self._turn + 1) % STALE_EVERY
        return Quality.STALE if tracks and self._turn else Quality.REDUCED

    def note(self, took_ms: float, deadline_ms: float) -> None:
        """Judge an image that was worked on by the time from its arrival to its graph."""
        if deadline_ms <= 0:
            return
        self._took.append(took_ms)
        late = sum(took > deadline_ms for took in self._took)
        if late >= LATE and self.rung != Quality.STALE:
            if self.rung == Quality.FULL:
                in_vain = self._clock_s() - self._raised_s < TRIAL_S
                self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S) if in_vain else FIRST_WAIT_S
            self._step(Quality(self.rung + 1))
        elif self.rung != Quality.FULL and self._may_rise(deadline_ms):
            self._raised_s = self._clock_s()
            self._step(Quality(self.rung - 1))

    def _may_rise(self, deadline_ms: float) -> bool:
        waited = self._clock_s() - self._since_s >= self._wait_s
        enough = len(self._took) >= (WINDOW if self.rung == Quality.REDUCED else LATE)
        return waited and enough and max(self._took) <= AMPLE * deadline_ms

    def _step(self, rung: Quality) -> None:
        self.rung, self._since_s = rung, self._clock_s()
        self._took.clear()
