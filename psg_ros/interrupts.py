# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while a program is still importing: no traceback, and the usual status.

Called by what is started as a process, before its other imports: they take a second or more.
"""

import os
import signal
from types import FrameType

STATUS = 128 + signal.SIGINT
"""Exit status of a program that Ctrl-C ended, as shells say it: 130."""


def end_on_interrupt() -> None:
    """Let SIGINT end the process at once, unless it is ignored or handled already.

    KeyboardInterrupt would not do: compiled modules that are being imported turn it into an
    ImportError, or lose it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_on_interrupt() -> None:
    """Let SIGINT raise KeyboardInterrupt again, now that somebody catches it."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(STATUS)
