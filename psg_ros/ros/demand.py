# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demand: whether anybody wants graphs of a camera; who asks and who listens is told here alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

ASKED_S = 10.0
"""How long a question keeps the graphs coming: those who poll ask more often (our choice)."""

LINGER_S = 2.0
"""How long a subscription outlives its last reason: `ros2 topic echo` and RViz come and go."""


class Demand:
    """Somebody listens to what is made of images, or asked a service a moment ago.

    Args:
        is_heard: whether anybody listens.
        clock_s: returns monotonic seconds.
    """

    def __init__(
        self, is_heard: Callable[[], bool], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_heard, self._clock_s = is_heard, clock_s
        self._asked_s = self._wanted_s = -math.inf

    def ask(self) -> None:
        """Note that somebody asked for a graph: one that follows will find a fresh one."""
        self._asked_s = self._clock_s()

    def is_present(self) -> bool:
        """Whether images are worth working on."""
        now_s = self._clock_s()
        if now_s - self._asked_s < ASKED_S or self._is_heard():
            self._wanted_s = now_s
            return True
        return False

    def is_gone(self) -> bool:
        """Whether there has been none for so long that the subscription may go, too."""
        return not self.is_present() and self._clock_s() - self._wanted_s >= LINGER_S
