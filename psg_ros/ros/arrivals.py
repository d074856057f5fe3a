# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arrivals: which of the camera's images reached the node, and which did not. Imports no rclpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

UNSUPPORTED = 2**64 - 1
"""Sequence number from a middleware that does not number messages (RMW interface)."""

KEPT_PUBLISHERS = 16
"""Publishers whose last number is remembered; one that comes back after so many starts over."""


@dataclass(frozen=True)
class ArrivalCounts:
    """What came of the camera's images since activation.

    Attributes:
        delivered: images that were handed to the node.
        replaced: images that reached the queue of the subscription and were replaced there.
        skipped: of the delivered ones, those that nobody wanted.
        lost: images that never reached this process, as the middleware tells.
    """

    delivered: int = 0
    replaced: int = 0
    skipped: int = 0
    lost: int = 0

    @property
    def received(self) -> int:
        return self.delivered + self.replaced


class Arrivals:
    """Counts images by the events of the middleware and by gaps in the publishers' numbers.

    A gap is made of images that got lost, which the middleware tells, and of images that a newer
    one replaced in the queue of the subscription, which it does not. The event about a loss comes
    shortly before or after the image that revealed it, so a gap is judged when the next image
    comes. A middleware without numbers (not Fast DDS, or ROS 2 Humble) leaves images replaced in
    its queue uncounted.

    Args:
        count_publishers: returns how many there are; asked where a message does not tell whose it
            is.
    """

    def __init__(self, count_publishers: Callable[[], int]) -> None:
        self._count_publishers = count_publishers
        self._delivered = self._replaced = self._skipped = self._lost = 0
        self._gap = self._explained = self._lost_at_delivery = 0
        self._last: dict[Any, int] = {}

    @property
    def counts(self) -> ArrivalCounts:
        return ArrivalCounts(self._delivered, self._replaced, self._skipped, self._lost)

    def deliver(self, info: Mapping[str, Any]) -> None:
        """Count an image that was handed over.

        Args:
            info: what rclpy tells with the message; may lack anything.
        """
        self._settle()
        self._delivered += 1
        self._lost_at_delivery = self._lost
        self._gap = self._missing_before(info)

    def skip(self) -> None:
        """Note that nobody wanted the image delivered last."""
        self._skipped += 1

    def lose(self, number: int) -> None:
        """Count images that the middleware reports as lost."""
        self._lost += number

    def forget_publishers(self) -> None:
        """Start over with the numbers of the publishers, for another subscription."""
        self._settle()
        self._last.clear()

    def _settle(self) -> None:
        """Divide the gap before the image delivered last into lost and replaced images."""
        explained = min(self._gap, self._lost - self._explained)
        self._replaced += self._gap - explained
        self._gap = 0
        # What was reported before that image and is in no gap explains no later one.
        self._explained = max(self._explained + explained, self._lost_at_delivery)

    def _missing_before(self, info: Mapping[str, Any]) -> int:
        number = info.get("publication_sequence_number")
        if number is None or number == UNSUPPORTED:
            return 0
        gid = info.get("publisher_gid")  # not in Jazzy
        if gid is None and self._count_publishers() != 1:
            self._last.clear()
            return 0
        publisher = b"" if gid is None else bytes(gid["data"])
        last = self._last.pop(publisher, number)
        self._last[publisher] = number  # newest last
        if len(self._last) > KEPT_PUBLISHERS:
            del self._last[next(iter(self._last))]
        return max(0, number - last - 1)
