# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LatestFrames: a mailbox with one slot per camera, in which the newest frame wins.

With a queue, a model slower than the cameras would work on older and older images. With one slot
per camera a result is never older than one inference of each camera plus one frame period.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Generic, TypeVar

Frame = TypeVar("Frame")

GIVE_WAY_S = 0.0005
"""How long a consumer needs from its wake-up to its network, where it leaves the interpreter."""


@dataclass
class _Slot(Generic[Frame]):
    """The frame of one source that waits, and those that were replaced before it and before."""

    frame: Frame | None = None
    dropped: int = 0
    dropped_before: int = 0


class LatestFrames(Generic[Frame]):
    """Slots between the thread that receives frames and the one that works on them.

    Sources have turns: after a frame of one, those of all others go first.

    Args:
        num_sources: cameras, from 1; they are numbered from 0.
    """

    def __init__(self, num_sources: int = 1) -> None:
        self._changed = threading.Condition()
        self._slots: list[_Slot[Frame]] = [_Slot() for _ in range(num_sources)]
        self._turns = list(range(num_sources))
        self._closed = self._waits = False

    def dropped_before(self, source: int = 0) -> int:
        """Frames of a source replaced since the last `clear`, up to its frame taken last.

        Those that were put and replaced since then do not count yet.
        """
        with self._changed:
            return self._slots[source].dropped_before

    def dropped(self, source: int = 0) -> int:
        """Frames of a source replaced since the last `clear`, up to now."""
        with self._changed:
            return self._slots[source].dropped

    def put(self, frame: Frame, source: int = 0) -> None:
        """Store a frame, replacing that of its source that waits. Never blocks on the consumer.

        To a consumer that waits the calling thread leaves the interpreter for a moment: one thread
        runs Python at a time, and what the caller does next is not urgent, the frame is.
        """
        with self._changed:
            slot = self._slots[source]
            slot.dropped += slot.frame is not None
            slot.frame = frame
            gives_way, self._waits = self._waits, False
            self._changed.notify()
        if gives_way:
            time.sleep(GIVE_WAY_S)

    def take(self) -> tuple[int, Frame] | None:
        """Wait for a frame, remove it and return it with its source; None once closed."""
        with self._changed:
            self._waits = self._next_source() is None
            self._changed.wait_for(lambda: self._closed or self._next_source() is not None)
            source = self._next_source()
            if self._closed or source is None:
                return None
            self._turns.remove(source)
            self._turns.append(source)
            slot = self._slots[source]
            frame, slot.frame = slot.frame, None
            slot.dropped_before = slot.dropped
            assert frame is not None
            return source, frame

    def clear(self) -> None:
        """Forget the waiting frames and start counting drops from zero."""
        with self._changed:
            self._slots = [_Slot() for _ in self._slots]

    def close(self) -> None:
        """Wake the consumer for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next_source(self) -> int | None:
        """Return the source that has waited longest for its turn and has a frame."""
        return next((s for s in self._turns if self._slots[s].frame is not None), None)
