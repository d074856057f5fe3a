# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""StageProcess: the process of a slow stage, asked about one image at a time."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from psg_ros.robot.slow_stage.wire import receive, send

END_WAIT_S = 5.0
"""A killed process that the kernel holds, at a lost network disk for example, is not waited for
longer."""


class StageError(RuntimeError):
    """No answer about this image; the text says why. The next one may get one."""


class StageEnded(StageError):
    """No answer, and the process gives no other: it is over, or was never ready."""


class StageHung(StageEnded):
    """The process did not answer in time; it is of no use any more."""


class StageClosed(StageEnded):
    """No answer, because this side closed the stage."""

    def __init__(self, text: str = "closed") -> None:
        super().__init__(text)


class Question(NamedTuple):
    """One image.

    Attributes:
        image: uint8 [height, width, 3], RGB.
        label_map: int32 [height, width]; each pixel its segment, or -1.
        num_segments: that it numbers.
        predicates: words to choose from; they may differ from question to question.
    """

    image: np.ndarray
    label_map: np.ndarray
    num_segments: int
    predicates: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """How the segments relate.

    Attributes:
        pairs: int [pair, 2]; (subject, object) segments.
        scores: float [pair, predicate], 0..1.
    """

    pairs: np.ndarray
    scores: np.ndarray


class StageProcess:
    """Starts at once and loads while the node goes on. `ask` may be called by several threads.

    It runs at the lowest priority: what it takes, nobody else wanted.

    Args:
        command: Python's arguments; the number of the socket's end is added.

    Raises:
        OSError: the system starts no process.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._turn = threading.Lock()
        self._ready = self._closed = False
        self._end: StageEnded | None = None
        self._channel, child = socket.socketpair()
        with child:
            self._process = subprocess.Popen(
                [sys.executable, *command, str(child.fileno())],
                pass_fds=[child.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the node, which ends it
            )

    @property
    def runs(self) -> bool:
        """Whether the process is there; it may hang."""
        return self._process.poll() is None

    def ask(self, question: Question, limit_s: float) -> Answer:
        """Return the answer; waits for it, and before the first one for the stage to be loaded.

        Args:
            limit_s: seconds for the answer, and before the first one as many to load. Time that
                others' questions take does not count.

        Raises:
            StageClosed: `close` was called.
            StageEnded: the process is over, or has used up its time and is to be closed.
            StageError: this image failed.
        """
        with self._turn:
            if self._end:
                raise type(self._end)(str(self._end))
            if self._closed:
                raise StageClosed
            try:
                return self._answer(question, limit_s)
            except TimeoutError as error:
                self._end = StageHung(self._why_late(limit_s))
                raise self._end from error
            except (EOFError, OSError) as error:
                self._end = StageClosed() if self._closed else StageEnded(self._why_over())
                raise self._end from error

    def close(self) -> None:
        """End the process, whatever it is at; who waits in `ask` gets a StageClosed."""
        self._closed = True
        with suppress(OSError):  # it has gone by itself
            self._channel.shutdown(socket.SHUT_RDWR)
        # It has nothing to put in order, and one that is stopped or hangs would not hear us.
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_WAIT_S)
        with self._turn:
            self._channel.close()

    def _answer(self, question: Question, limit_s: float) -> Answer:
        if not self._ready:
            self._receive(time.monotonic() + limit_s)
            self._ready = True
        facts = {"num_segments": question.num_segments, "predicates": list(question.predicates)}
        arrays = {"image": question.image, "label_map": question.label_map}
        end_s = time.monotonic() + limit_s
        send(self._channel, facts, arrays, end_s)
        found = self._receive(end_s)
        return Answer(found["pairs"], found["scores"])

    def _receive(self, end_s: float) -> dict[str, np.ndarray]:
        facts, arrays = receive(self._channel, end_s)
        if facts.get("fatal"):
            self._end = StageEnded(facts["error"])
            raise self._end
        if "error" in facts:
            raise StageError(facts["error"])
        return arrays

    def _why_late(self, limit_s: float) -> str:
        what = "answer" if self._ready else "load"
        return (
            f"it did not {what} within {limit_s:g} s and was ended: raise spade_timeout_s if the "
            "machine is so slow or busy (it gets the time that nobody else wants), or read above "
            "what holds it up"
        )

    def _why_over(self) -> str:
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "its process does not listen any more"
        if status == -signal.SIGKILL:
            return "its process was killed: where memory runs out the system does that (dmesg)"
        if status < 0:
            return f"its process was ended by signal {-status} ({signal.strsignal(-status)})"
        return f"its process ended with status {status}: read above why"


def end_with(channel: socket.socket) -> None:
    """Have this process end as soon as the other end of its channel is gone, even if by a kill.

    Called by the process itself. Without it an image that takes minutes would outlive the node.
    """
    threading.Thread(target=_wait_and_exit, args=(channel.fileno(),), daemon=True).start()


def _wait_and_exit(descriptor: int) -> None:
    gone = select.poll()
    gone.register(descriptor, 0)  # the end is told unasked
    gone.poll()
    os._exit(0)  # sys.exit would end this thread alone


def lowest_priority() -> None:
    """Take only the processor's time that nobody else wants; called by the process itself."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
