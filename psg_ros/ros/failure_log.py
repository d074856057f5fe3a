# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FailureLog: failed frames in the log, at most one line per cause in a while."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from psg_ros.ops.image_error import ImageError

PERIOD_S = 5.0


@dataclass
class _Cause:
    last_s: float
    hidden: int = 0


class FailureLog:
    """Counts failed frames and reports each cause at most every `PERIOD_S`.

    A cause is an exception type and the line that raised it, so a camera that sends thousands of
    bad images fills neither the log nor the memory.

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

    def __call__(self, error: Exception) -> None:
        """Count one failed frame; write about it unless its cause was reported just now."""
        self.failed_frames += 1
        now_s, key = self._clock_s(), _origin(error)
        cause = self._causes.setdefault(key, _Cause(last_s=now_s - PERIOD_S))
        if now_s - cause.last_s < PERIOD_S:
            cause.hidden += 1
            return
        self._write(self._text(error, cause.hidden))
        cause.last_s, cause.hidden = now_s, 0

    def _text(self, error: Exception, hidden: int) -> str:
        repeated = f" ({hidden} more since the last report)" if hidden else ""
        text = f"image skipped{repeated}, {self.failed_frames} in all: {error}"
        if isinstance(error, ImageError):
            return text
        return f"{text}\n{''.join(traceback.format_exception(error)).rstrip()}"


def _origin(error: Exception) -> tuple[type, str, int]:
    frames = traceback.extract_tb(error.__traceback__)
    last = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
    return (type(error), *last)
