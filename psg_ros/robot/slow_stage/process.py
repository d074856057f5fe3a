# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""StageProcess: the process of a slow stage, asked about one image at a time."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from psg_ros.robot.slow_stage.wire import receive, send

END_WAIT_S = 5.0


class StageError(RuntimeError):
    """No answer; the text says why. `fatal`: and there will be none any more."""

    def __init__(self, text: str, *, fatal: bool) -> None:
        super().__init__(text)
        self.fatal = fatal


class StageClosed(StageError):
    """No answer, because this side closed the stage."""

    def __init__(self) -> None:
        super().__init__("closed", fatal=True)


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
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._ready = False
        self._failure = ""
        self._closed = False
        self._channel, child = socket.socketpair()
        with child:
            self._process = subprocess.Popen(
                [sys.executable, *command, str(child.fileno())],
                pass_fds=[child.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the node, which ends it
            )

    def ask(self, question: Question) -> Answer:
        """Return the answer; waits for it, and before the first one for the stage to be loaded.

        Raises:
            StageClosed: `close` was called.
            StageError: this image failed, or the process did.
        """
        with self._lock:
            if self._closed:
                raise StageClosed
            if self._failure:
                raise StageError(self._failure, fatal=True)
            try:
                if not self._ready:
                    self._receive()
                    self._ready = True
                send(
                    self._channel,
                    {
                        "num_segments": question.num_segments,
                        "predicates": list(question.predicates),
                    },
                    {"image": question.image, "label_map": question.label_map},
                )
                arrays = self._receive()
            except (EOFError, OSError) as error:
                if self._closed:
                    raise StageClosed from error
                self._fail(f"its process ended: {error}")
                raise StageError(self._failure, fatal=True) from error
        return Answer(arrays["pairs"], arrays["scores"])

    def close(self) -> None:
        """End the process, whatever it is at; who waits in `ask` gets a StageClosed."""
        self._closed = True
        with suppress(OSError):  # it has gone by itself
            self._channel.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._lock:
            self._channel.close()

    def _receive(self) -> dict[str, np.ndarray]:
        facts, arrays = receive(self._channel)
        if "error" in facts:
            if facts.get("fatal"):
                self._fail(facts["error"])
            raise StageError(facts["error"], fatal=bool(facts.get("fatal")))
        return arrays

    def _fail(self, why: str) -> None:
        self._failure = self._failure or why


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
