# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A child process that never outlives us: own group, log file, death when the parent dies."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_ROS_PREFIX = re.compile(r"^\[\w+\] \[[\d.]+\] \[\S+\]: ")
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
TERM_WAIT_S = 2.0


class Child:
    """One running process; what it prints goes to a log file.

    It leads a process group of its own, so that Ctrl-C in the terminal reaches only us and we
    decide the order of the end. On Linux the kernel sends it SIGTERM if we are killed.

    Args:
        shares_stdout: its standard output is ours; only stderr goes to the log.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        shares_stdout: bool = False,
    ) -> None:
        self.name, self.log = name, log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=None if shares_stdout else file,
                stderr=file,
                start_new_session=True,
                preexec_fn=_death_with_parent(os.getpid()),
            )

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def stop(self, wait_s: float) -> int:
        """Ask for an end by SIGINT, then SIGTERM, then kill the group; return the exit status.

        Args:
            wait_s: how long the friendly request may take.
        """
        stop_together([self], wait_s)
        return self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it still runs."""
        if self.status is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the whole group at once, if it still runs."""
        if self.status is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> int | None:
        """Return the exit status, None when it still runs after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        """Return the last line of the log that is not empty, without what ROS puts before it."""
        lines = self.log.read_text(errors="replace", encoding="utf-8").splitlines()
        last = next(
            (line.strip() for line in reversed(lines) if line.strip()), "it printed nothing"
        )
        return _ROS_PREFIX.sub("", last)


def stop_together(children: Iterable[Child], wait_s: float) -> None:
    """Ask all at once for an end by SIGINT, then SIGTERM, then kill the groups of the rest.

    A process that is killed leaves its shared memory behind: the middleware takes it back only at
    an orderly end. When this is interrupted (Ctrl-C again), the rest is killed at once.

    Args:
        wait_s: how long the friendly request may take, for all together.
    """
    children = list(children)
    try:
        for number, patience_s in ((signal.SIGINT, wait_s), (signal.SIGTERM, TERM_WAIT_S)):
            for child in children:
                child.send(number)
            end_s = time.monotonic() + patience_s
            for child in children:
                child.wait(max(0.0, end_s - time.monotonic()))
    finally:
        for child in children:
            child.kill()


def _death_with_parent(parent: int) -> Any:
    """Return what the child runs before its program: ask the kernel for SIGTERM at our death."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # died in between
            os._exit(1)

    return prepare
