# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Identities: track ids of the segments of one camera, for as long as its images follow on."""

from __future__ import annotations

import math

from std_msgs.msg import Header

from psg_ros.robot.tracking.segment_tracker import SegmentTracker
from psg_ros.ros.conversions import NANOSECONDS, time_to_ns
from psg_ros.scene_graph import Segmentation, Track, TrackState

CONFIRMED_HITS = 3
"""Images in which a segment must have been seen to count as established (our choice)."""


class Identities:
    """Follows segments from image to image since activation; used by one thread.

    All tracks end where an image does not follow on the last one: its stamp is earlier (a bag that
    starts again, simulated time set back, a camera that restarted with another clock) or much
    later, or it is of another frame. So no node is ever first seen after its own image.
    """

    def __init__(self) -> None:
        self._tracker = SegmentTracker()
        self._last: tuple[int, str] | None = None
        self._ids_before = self._last_id = 0

    def interrupt(self) -> None:
        """End all tracks: what comes next may be other things. No id is given again."""
        self._tracker.reset()
        self._last = None
        self._ids_before = self._last_id

    def update(
        self, segmentation: Segmentation, header: Header, max_gap_s: float
    ) -> tuple[Track, ...]:
        """Return the identity of each segment, in segment order.

        Args:
            header: of the image.
            max_gap_s: most seconds between the stamps of two images that follow on; 0: any.
        """
        now = time_to_ns(header.stamp), header.frame_id
        if self._last is not None and not _follows(self._last, now, max_gap_s):
            self.interrupt()
        self._last = now
        tracks = self._tracker.update(segmentation, now[0])
        ids = [self._ids_before + track.id for track in tracks]
        self._last_id = max(self._last_id, *ids, 0)
        return tuple(
            Track(id_, _state(track.hits), track.first_seen_ns)
            for id_, track in zip(ids, tracks, strict=True)
        )


def _state(hits: int) -> TrackState:
    return TrackState.CONFIRMED if hits >= CONFIRMED_HITS else TrackState.TENTATIVE


def _follows(last: tuple[int, str], now: tuple[int, str], max_gap_s: float) -> bool:
    """Say whether an image (stamp in ns, frame) may show what the last one showed.

    Equal stamps do: of a camera that does not stamp, all are zero.
    """
    gap_ns = now[0] - last[0]
    limit_ns = max_gap_s * NANOSECONDS or math.inf
    return now[1] == last[1] and 0 <= gap_ns <= limit_ns
