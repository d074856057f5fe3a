# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DepthPairing: which depth message belongs to which image. Imports no rclpy.

An exact stamp wins, else the nearest one within the slop. A depth message may come before its image
or after it, and an image may wait for its turn while many more come; so an image asks for its
depth when it arrives and holds the best one found since. What no image asks for is forgotten after
`KEPT` more.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from typing import Generic, TypeVar

Message = TypeVar("Message")

NANOSECONDS = 1_000_000_000
KEPT = 5
"""Messages kept for images that come later than their depth."""

SILENT_S = 1.0
"""After such a silence no image waits for its depth any more; counted from the start, too, where
the first depth may come just behind its image."""


class PairingError(LookupError):
    """No depth for an image; says why and what to do."""


class Wanted(Generic[Message]):
    """The depth of one image: hold it while it is wanted, then `take` it."""

    def __init__(self, pairing: DepthPairing[Message], stamp_ns: int, slop_ns: int) -> None:
        self._pairing, self.stamp_ns, self._slop_ns = pairing, stamp_ns, slop_ns
        self._asked_s = time.monotonic()
        self._best: tuple[int, Message] | None = None
        self.is_settled = False

    def offer(self, stamp_ns: int, message: Message) -> None:
        """Consider a message; called under the lock of the pairing."""
        distance_ns = abs(stamp_ns - self.stamp_ns)
        if distance_ns <= self._slop_ns and (self._best is None or distance_ns < self._best[0]):
            self._best = distance_ns, message
        # A stream's stamps grow: nothing nearer comes after one at or behind the image's.
        self.is_settled |= distance_ns == 0 or 0 < stamp_ns - self.stamp_ns <= NANOSECONDS

    def take(self, wait_s: float) -> Message:
        """Return the message that fits best, waiting for it as long as a nearer one may come.

        Args:
            wait_s: the longest wait, counted from when the image asked.

        Raises:
            PairingError: none fits.
        """
        left_s = self._asked_s + wait_s - time.monotonic()
        self._pairing.wait_for(self, left_s)
        if self._best is None:
            raise PairingError(self._pairing.why_not(self.stamp_ns, self._slop_ns))
        return self._best[1]


class DepthPairing(Generic[Message]):
    """Depth messages from one thread, images that want them in another.

    Attributes:
        topic: what to call the source in errors.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._changed = threading.Condition()
        self._recent: deque[tuple[int, Message]] = deque(maxlen=KEPT)
        # Images that were dropped meanwhile vanish from it by themselves.
        self._wanted: weakref.WeakSet[Wanted[Message]] = weakref.WeakSet()
        self._last_ns: int | None = None
        self._heard_s = time.monotonic()

    @property
    def has_heard(self) -> bool:
        """Whether any message has come."""
        return self._last_ns is not None

    def add(self, stamp_ns: int, message: Message) -> None:
        """Take a message in."""
        with self._changed:
            if self._last_ns is not None and stamp_ns < self._last_ns - NANOSECONDS:
                self._recent.clear()  # time went back: what came before belongs to nothing now
            self._last_ns, self._heard_s = stamp_ns, time.monotonic()
            self._recent.append((stamp_ns, message))
            for wanted in self._wanted:
                wanted.offer(stamp_ns, message)
            self._changed.notify_all()

    def want(self, stamp_ns: int, slop_s: float) -> Wanted[Message]:
        """Return what gathers the depth of an image with this stamp from now on."""
        wanted = Wanted(self, stamp_ns, round(slop_s * NANOSECONDS))
        with self._changed:
            for entry in self._recent:
                wanted.offer(*entry)
            self._wanted.add(wanted)
        return wanted

    def wait_for(self, wanted: Wanted[Message], seconds: float) -> None:
        """Return once nothing nearer can come, or after a while; at once where nobody sends."""
        with self._changed:
            if time.monotonic() - self._heard_s < SILENT_S:
                self._changed.wait_for(lambda: wanted.is_settled, max(seconds, 0.0))
            self._wanted.discard(wanted)

    def why_not(self, stamp_ns: int, slop_ns: int) -> str:
        """Return why an image has no depth."""
        with self._changed:
            stamps = [stamp for stamp, _ in self._recent]
        if not stamps:
            return f"nothing has arrived on {self.topic}"
        nearest = min(stamps, key=lambda stamp: abs(stamp - stamp_ns))
        apart_s = (nearest - stamp_ns) / NANOSECONDS
        side = "after" if apart_s > 0 else "before"
        return (
            f"the nearest on {self.topic} is {abs(apart_s):.3f} s {side} the image, depth_slop_s "
            f"is {slop_ns / NANOSECONDS:g}: publish both with one stamp, or raise it"
        )
