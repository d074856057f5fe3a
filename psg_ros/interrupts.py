# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C where KeyboardInterrupt does not serve: while a program imports, and in worker processes.

`end_on_interrupt` is called by what is started as a process, before its other imports: they take a
second or more, and end without a traceback and with the usual status then.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def children_ignore_interrupts() -> Iterator[None]:
    """Start worker processes within this block: they inherit that Ctrl-C waits.

    It reaches the whole group of processes, but the parent alone decides when to end; a worker
    could ignore it by itself only when Python is up.
    """
    from multiprocessing import resource_tracker  # not at the top: nothing slow there

    resource_tracker.ensure_running()  # Starting it later would let the signal through again.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(STATUS)
