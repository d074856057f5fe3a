# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Identities: track ids of the segments of one camera, with exact ROS stamps."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from psg_ros.ros.conversions import NANOSECONDS, NodeTrack, ns_to_time, time_to_ns
from psg_ros.scene_graph import Segmentation
from psg_ros.tracking.segment_tracker import SegmentTracker

CONFIRMED_HITS = 3
"""Images in which a segment must have been seen to count as established (our choice)."""


class Identities:
    """Follows segments from image to image since activation; used by one thread.

    The tracker computes in seconds since the first image: as float they keep the nanosecond that
    seconds since 1970 would lose, so `first_seen` equals the stamp of that image exactly.
    """

    def __init__(self) -> None:
        self._tracker = SegmentTracker()
        self._origin_ns: int | None = None
        self._ids_before = self._last_id = 0

    def interrupt(self) -> None:
        """End all tracks: what comes next may be other things. No id is given again."""
        self._tracker.reset()
        self._ids_before = self._last_id

    def update(self, segmentation: Segmentation, stamp: Time) -> tuple[NodeTrack, ...]:
        """Return the identity of each segment, in segment order."""
        stamp_ns = time_to_ns(stamp)
        if self._origin_ns is None:
            self._origin_ns = stamp_ns
        tracks = self._tracker.update(segmentation, (stamp_ns - self._origin_ns) / NANOSECONDS)
        ids = [self._ids_before + track.id for track in tracks]
        self._last_id = max(self._last_id, *ids, 0)
        return tuple(
            NodeTrack(id_, self._time(track.first_seen_s), track.hits >= CONFIRMED_HITS)
            for id_, track in zip(ids, tracks, strict=True)
        )

    def _time(self, seconds: float) -> Time:
        assert self._origin_ns is not None
        return ns_to_time(self._origin_ns + round(seconds * NANOSECONDS))
