# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""StageKeeper: has a slow stage run, and starts it again after it died, hung or could not load."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from psg_ros.robot.slow_stage.process import (
    Answer,
    Question,
    StageClosed,
    StageEnded,
    StageHung,
    StageProcess,
)

FIRST_REST_S, LONGEST_REST_S = 10.0, 600.0
"""Between an end and the next start; each rest is twice the last, until there is an answer (our
choice: loading again and again would take the machine from others)."""


@dataclass(frozen=True)
class StageFacts:
    """How a stage has done.

    Attributes:
        runs: whether there is a process; of one that died by itself `ended` hears with the next
            question.
        starts: processes so far.
        ended: of them, those that ended by themselves, could not load or hung.
        hung: of these, those that were ended because they were late.
        answers: so far.
        failure: why the last one ended, while nothing was answered since; or "".
        rests_s: seconds until it may be started again.
    """

    runs: bool
    starts: int
    ended: int
    hung: int
    answers: int
    failure: str
    rests_s: float


class StageKeeper:
    """One stage for all who ask it, whichever process that is at the time.

    A process that ends or is late is closed, told of once, and another one started when somebody
    asks after a rest.

    Args:
        start: starts a process; OSError where the system does not.
        warn: told once of each process that ended, by the thread that asked.
        clock_s: returns monotonic seconds.

    Raises:
        OSError: the first one could not be started.
    """

    def __init__(
        self,
        start: Callable[[], StageProcess],
        warn: Callable[[str], object],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start, self._warn, self._clock_s = start, warn, clock_s
        self._lock = threading.Lock()
        self._closed = False
        self._starts = self._ended = self._hung = self._answers = 0
        self._failure, self._next_rest_s, self._rest_end_s = "", FIRST_REST_S, -math.inf
        self._process: StageProcess | None = None
        with self._lock:
            self._launch()

    @property
    def rests_s(self) -> float:
        """Seconds during which nothing is asked, after an end; does not wait for anybody."""
        return max(self._rest_end_s - self._clock_s(), 0.0)

    @property
    def facts(self) -> StageFacts:
        """How it has done so far; does not wait for anybody."""
        # Without the lock, under which a process is started: that takes a while on a busy machine.
        process = self._process
        return StageFacts(
            process is not None and process.runs, self._starts, self._ended, self._hung,
            self._answers, self._failure, self.rests_s,
        )  # fmt: skip

    def ask(self, question: Question, limit_s: float) -> Answer:
        """Return the answer, see `StageProcess.ask`; starts a process where there is none.

        Raises:
            StageClosed: `close` was called.
            StageEnded: there is no process any more, or not yet; `warn` has been told why.
            StageError: this image failed.
        """
        process = self._running()
        try:
            answer = process.ask(question, limit_s)
        except StageClosed:
            raise
        except StageEnded as error:
            self._bury(process, error)
            raise
        with self._lock:
            self._answers += 1
            self._failure, self._next_rest_s = "", FIRST_REST_S
        return answer

    def hurry(self) -> None:
        """End the rest: somebody wants an answer now, or has removed the cause."""
        self._rest_end_s = -math.inf

    def close(self) -> None:
        """End it for good; who waits in `ask` gets a StageClosed."""
        with self._lock:
            self._closed, process, self._process = True, self._process, None
        if process is not None:
            process.close()

    def _running(self) -> StageProcess:
        with self._lock:
            if self._closed:
                raise StageClosed
            if self._process is not None:
                return self._process
            if self.rests_s:  # another camera has met the end, and told
                raise StageEnded(self._failure)
            try:
                return self._launch()
            except OSError as error:
                end = StageEnded(f"no process can be started for it: {error}")
                rest_s = self._rest(end)
        self._tell(end, rest_s)
        raise end

    def _launch(self) -> StageProcess:
        self._process = self._start()
        self._starts += 1
        return self._process

    def _bury(self, process: StageProcess, error: StageEnded) -> None:
        with self._lock:
            if self._process is not process:  # by another camera, or by `close`
                return
            self._process = None
            rest_s = self._rest(error)
        process.close()
        self._tell(error, rest_s)

    def _rest(self, error: StageEnded) -> float:
        self._ended += 1
        self._hung += isinstance(error, StageHung)
        self._failure = str(error)
        rest_s = self._next_rest_s
        self._next_rest_s = min(2 * rest_s, LONGEST_REST_S)
        self._rest_end_s = self._clock_s() + rest_s
        return rest_s

    def _tell(self, error: StageEnded, rest_s: float) -> None:
        self._warn(f"{error}. It is started again for a frame in {rest_s:g} s or later")
