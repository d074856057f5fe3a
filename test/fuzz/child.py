# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reading damaged inputs in a process of its own, watched from outside.

The process writes the number of the input it is about to read to a pipe, so that whatever kills it
can be laid at that input's door. The watcher ends it when an input takes too long.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_SECONDS = 10.0
MAX_MIB = 1024
"""Above what the process used before the input."""
MAX_STDERR_BYTES = 2000
"""What a library may print about one input."""

REFUSALS = (ValueError, OSError)
"""How a reader refuses an input; any other exception would be a traceback for its user."""


@dataclass(frozen=True)
class Complaint:
    """An input that did what none may do."""

    number: int
    what: str


def watch(numbers: Sequence[int], read: Callable[[int], None], scratch: Path) -> list[Complaint]:
    """Read every input of the list; return what went wrong.

    Args:
        read: reads one input; may raise `REFUSALS`.
        scratch: a folder for what libraries print.
    """
    complaints: list[Complaint] = []
    left = list(numbers)
    while left:
        done, found = _one_process(left, read, scratch)
        complaints += found
        left = left[done:]
    return complaints


def _one_process(
    numbers: Sequence[int], read: Callable[[int], None], scratch: Path
) -> tuple[int, list[Complaint]]:
    """Return how many inputs a process has dealt with before it ended, and what it found."""
    receiver, sender = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receiver)
        status = 70
        try:
            _read_all(numbers, read, os.fdopen(sender, "w", buffering=1), scratch / "stderr")
            status = 0
        finally:
            os._exit(status)
    os.close(sender)
    complaints, current, started = [], -1, 0
    with os.fdopen(receiver, "rb", buffering=0) as lines:
        for line in _lines(lines.fileno(), pid):
            kind, _, rest = line.partition(" ")
            if kind == "start":
                current, started = int(rest), started + 1
            else:
                complaints.append(Complaint(current, rest))
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        what = (
            f"took more than {MAX_SECONDS:.0f} s"
            if number == signal.SIGALRM
            else (f"ended the process with {signal.Signals(number).name}")
        )
        complaints.append(Complaint(current, what))
    elif status:
        complaints.append(Complaint(current, f"ended the process with status {status >> 8}"))
    return started, complaints


def _lines(descriptor: int, pid: int) -> Iterator[str]:
    """Yield what the process says; kill it with SIGALRM after a silence."""
    text = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], MAX_SECONDS)
        if not ready:
            os.kill(pid, signal.SIGALRM)
            return
        block = os.read(descriptor, 1 << 16)
        if not block:
            return
        *lines, text = (text + block).split(b"\n")
        yield from (line.decode() for line in lines)


def _read_all(numbers: Sequence[int], read: Callable[[int], None], said, stderr: Path) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.disable()  # pytest turns it on, and it would print pages
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))  # the machine stays usable
    with stderr.open("wb+") as printed:
        os.dup2(printed.fileno(), 2)
        for number in numbers:
            said.write(f"start {number}\n")
            before_mib, size = _peak_mib(reset=True), os.fstat(2).st_size
            started_s = time.monotonic()
            try:
                read(number)
            except REFUSALS:
                pass
            except BaseException as error:  # noqa: BLE001 - this is what is looked for
                last = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(last.filename).name}:{last.lineno}"
                text = " ".join(str(error).split())[:200]
                said.write(f"found {type(error).__name__} at {where}: {text}\n")
            grown_mib = _peak_mib() - before_mib
            if grown_mib > MAX_MIB:
                said.write(f"found needed {grown_mib:.0f} MiB\n")
            if time.monotonic() - started_s > MAX_SECONDS:
                said.write(f"found took {time.monotonic() - started_s:.0f} s\n")
            if os.fstat(2).st_size - size > MAX_STDERR_BYTES:
                said.write(f"found printed {os.fstat(2).st_size - size} bytes\n")
    sys.stderr = None


def _peak_mib(reset: bool = False) -> float:
    """Return the peak of resident memory since the last reset; a reset makes it today's."""
    if reset:
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        except OSError:  # a container may forbid it; then the peak is that of the whole process
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")
