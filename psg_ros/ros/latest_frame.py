# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LatestFrame: a mailbox with one slot in which the newest frame wins.

With a queue, a model slower than the camera would work on older and older images. With one slot a
result is never older than one inference plus one frame period.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class LatestFrame(Generic[Frame]):
    """One slot between the thread that receives frames and the one that works on them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False
        self._dropped = self._dropped_before = 0

    @property
    def dropped_before(self) -> int:
        """Frames replaced by a newer one since the last `clear`, up to the frame taken last.

        Those that were put and replaced since then do not count yet.
        """
        with self._changed:
            return self._dropped_before

    def put(self, frame: Frame) -> None:
        """Store a frame, replacing the one that waits. Never blocks on the consumer."""
        with self._changed:
            self._dropped += self._frame is not None
            self._frame = frame
            self._changed.notify()

    def take(self) -> Frame | None:
        """Wait for a frame and remove it; None once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._frame is not None)
            frame, self._frame = self._frame, None
            self._dropped_before = self._dropped
            return None if self._closed else frame

    def clear(self) -> None:
        """Forget the waiting frame and start counting drops from zero."""
        with self._changed:
            self._frame, self._dropped, self._dropped_before = None, 0, 0

    def close(self) -> None:
        """Wake the consumer for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
