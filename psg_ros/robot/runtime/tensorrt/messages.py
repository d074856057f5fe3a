# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT says while it works: its log, of which errors are kept, and how far a build is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import tensorrt as trt

logger = logging.getLogger(__name__)

LEVELS = {"INTERNAL_ERROR": logging.ERROR, "ERROR": logging.ERROR, "WARNING": logging.INFO}
"""TensorRT's severity -> ours; what is less severe is for debugging."""

REPORT_EVERY_S = 5.0


class Log(trt.ILogger):
    """TensorRT's messages in our log.

    Attributes:
        errors: texts of all errors, for the exception that follows them.
    """

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        """Take a message. TensorRT calls this."""
        level = LEVELS.get(severity.name, logging.DEBUG)
        if level == logging.ERROR:
            self.errors.append(" ".join(msg.split()))
            level = logging.DEBUG  # said once, by the exception
        logger.log(level, "TensorRT: %s", msg)

    def why(self) -> str:
        """Return the errors in one line."""
        return "; ".join(dict.fromkeys(self.errors)) or "TensorRT gives no reason"


class Progress(trt.IProgressMonitor):
    """Reports how far a build is, and guesses the time left from the outermost phase alone.

    Args:
        report: gets a line every few seconds.
    """

    def __init__(self, what: str, report: Callable[[str], None]) -> None:
        trt.IProgressMonitor.__init__(self)
        self._what, self._report = what, report
        self._steps: dict[str, int] = {}
        self._outermost = ""
        self._started = self._reported = time.monotonic()

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Note a phase. TensorRT calls this, from several threads."""
        self._steps[phase_name] = num_steps
        if not parent_phase:
            self._outermost, self._started = phase_name, time.monotonic()

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Report now and then; returns True: go on."""
        now = time.monotonic()
        if phase_name == self._outermost and now - self._reported >= REPORT_EVERY_S:
            self._reported = now
            done = (step + 1) / max(self._steps[phase_name], 1)
            left = (now - self._started) * (1 - done) / done
            self._report(f"{self._what}: {done:.0%}, about {left:.0f} s left of {phase_name}")
        return True

    def phase_finish(self, phase_name: str) -> None:
        """Forget a phase. TensorRT calls this."""
        self._steps.pop(phase_name, None)
