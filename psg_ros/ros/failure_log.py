# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FailureLog: failed frames in the log, one line per cause, then fewer and fewer."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from psg_ros.pictures.image_error import ImageError
from psg_ros.ros.backoff import Backoff

PERIOD_S = 5.0
LONGEST_S = 300.0


class AfterGraph(RuntimeError):
    """The graph of an image was published, but not all that is made of it; raise it from why."""

    def __init__(self) -> None:
        super().__init__("a graph was published, but not all that is made of it")


@dataclass
class _Cause:
    """When it was seen last, how often it was not reported since, and when it will be."""

    seen_s: float = -math.inf
    hidden: int = 0
    backoff: Backoff = field(default_factory=lambda: Backoff(PERIOD_S, LONGEST_S))


class FailureLog:
    """Counts failed frames and reports each cause at once, then after waits that double.

    The first is `PERIOD_S`, the longest `LONGEST_S`; a cause that has been away for twice its wait
    starts over. A cause is an exception type and the line that raised it, so a camera that sends
    thousands of bad images fills neither the log nor the memory.

    Attributes:
        failed_frames: how many there were; without those that failed after their graph.
        last: text of the last one; "" while there was none.

    Args:
        write: receives one text for each reported failure.
        clock_s: returns monotonic seconds.
    """

    def __init__(
        self, write: Callable[[str], object], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._write, self._clock_s = write, clock_s
        self._causes: dict[tuple[type, str, int], _Cause] = {}
        self.failed_frames = 0
        self.last = ""

    def __call__(self, error: Exception) -> None:
        """Count one failed frame; write about it unless its cause was reported just now."""
        if not isinstance(error, AfterGraph):
            self.failed_frames += 1
            self.last = str(error) or type(error).__name__
        now_s, cause = self._clock_s(), self._causes.setdefault(_origin(error), _Cause())
        is_new = now_s - cause.seen_s >= 2 * cause.backoff.wait_s
        cause.seen_s = now_s
        if is_new:
            cause.backoff.reset(now_s)
        elif not cause.backoff.due(now_s):
            cause.hidden += 1
            return
        self._write(self._text(error, cause.hidden))
        cause.hidden = 0

    def _text(self, error: Exception, hidden: int) -> str:
        repeated = f" ({hidden} more since the last report)" if hidden else ""
        if isinstance(error, AfterGraph):
            text = f"{error}{repeated}"
        else:
            text = f"image skipped{repeated}, {self.failed_frames} in all: {error}"
        if isinstance(error, ImageError):
            return text
        return f"{text}\n{''.join(traceback.format_exception(error)).rstrip()}"


def _origin(error: Exception) -> tuple[type, str, int]:
    # A decoder's error is raised again with the name of the format.
    while isinstance(error.__cause__, ImageError) or isinstance(error, AfterGraph):
        assert isinstance(error.__cause__, Exception)
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    last = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
    return (type(error), *last)
