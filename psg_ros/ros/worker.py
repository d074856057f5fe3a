# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Worker: the one thread that opens, uses and closes a model, for one camera or several.

A device context belongs to the thread that made it, so no other thread may touch the model. The
executor's thread only puts frames into the mailbox and stays free to answer services.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from psg_ros.ros.latest_frames import LatestFrames

Frame = TypeVar("Frame")


class Closable(Protocol):
    """What the worker needs to know of a model."""

    def close(self) -> None: ...


Model = TypeVar("Model", bound=Closable)


class Worker(Generic[Model, Frame]):
    """Runs `process(source, frame)` on the newest frame of each source in turn, until closed.

    Starts paused. `open`, `resume`, `pause` and `close` are called by one other thread.

    Args:
        open_model: called once in the worker's thread.
        process: works on one frame of a source, in the worker's thread.
        failed: told the source and every exception that `process` let out, in the worker's thread;
            the frame is skipped and the next one taken.
        num_sources: cameras, from 1; they are numbered from 0.
    """

    def __init__(
        self,
        open_model: Callable[[], Model],
        process: Callable[[int, Frame], None],
        failed: Callable[[int, Exception], None],
        num_sources: int = 1,
    ) -> None:
        self._open_model, self._process, self._failed = open_model, process, failed
        self._mailbox: LatestFrames[tuple[int, Frame]] = LatestFrames(num_sources)
        self._opened: Future[Model] = Future()
        self._one_frame = threading.Lock()
        self._running = False
        self._round = 0
        self._thread = threading.Thread(target=self._work, name="pipeline")

    def dropped_before(self, source: int = 0) -> int:
        """Frames of a source since `resume` that never had their turn before its current one."""
        return self._mailbox.dropped_before(source)

    def dropped(self, source: int = 0) -> int:
        """Frames of a source since `resume` that will never have their turn, up to now."""
        return self._mailbox.dropped(source)

    def open(self) -> Model:
        """Start the thread, wait until the model is open and return it, for its facts only.

        Raises:
            Exception: whatever `open_model` raised; the thread has ended then.
        """
        self._thread.start()
        return self._opened.result()

    def put(self, frame: Frame, source: int = 0) -> None:
        """Offer a frame; it replaces one of its source that still waits. Ignored while paused."""
        if self._running:
            self._mailbox.put((self._round, frame), source)

    def resume(self) -> None:
        """Take frames from now on; drops are counted from zero."""
        self._mailbox.clear()
        self._round += 1
        self._running = True

    def pause(self) -> None:
        """Return when the current frame is done; no frame is worked on until `resume`."""
        self._running = False
        with self._one_frame:
            self._mailbox.clear()

    def close(self) -> None:
        """Finish the current frame, close the model in its thread and end the thread."""
        self._running = False
        self._mailbox.close()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            model = self._open_model()
        except BaseException as error:  # noqa: BLE001 - delivered to whoever called open()
            self._opened.set_exception(error)
            return
        self._opened.set_result(model)
        try:
            while (taken := self._mailbox.take()) is not None:
                source, (put_in_round, frame) = taken
                self._work_on(source, put_in_round, frame)
        finally:
            model.close()

    def _work_on(self, source: int, put_in_round: int, frame: Frame) -> None:
        with self._one_frame:
            # Paused between the mailbox and the lock, and maybe resumed.
            if not self._running or put_in_round != self._round:
                return
            try:
                self._process(source, frame)
            except Exception as error:  # noqa: BLE001 - one bad frame must not end the stream
                self._failed(source, error)
