# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker remembers of one track."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from psg_ros.robot.tracking.camera_motion import Motion
from psg_ros.robot.tracking.class_votes import ClassVotes
from psg_ros.robot.tracking.continuity import NS_PER_S
from psg_ros.robot.tracking.silhouettes import Silhouette
from psg_ros.scene_graph import Track, TrackState

# How much a new measurement of the velocity counts, and after how many seconds unseen a third of it
# is left: what is hidden often stopped or turned.
_VELOCITY_GAIN = 0.5
_VELOCITY_LASTS_S = 1.0
# A mask that shrinks to less than this is being hidden: it will come out from behind something at
# its other side. After so many seconds it simply is that small.
_HIDDEN_SHARE = 0.7
_SHRUNK_S = 2.0


@dataclass
class TrackRecord:
    """One track. Times are whole nanoseconds, so that sums of them are exact.

    Attributes:
        is_thing: a thing; otherwise the one region of its class.
        silhouette: where it is expected to be, by now.
        whole: the same before something began to hide it.
        velocity_xy: of its own beside the camera's, float64 [2], px of the small view per second.
        seen_ns: for how long it was seen, less the time in which it was not.
        unseen_ns: since it was last seen.
    """

    id: int
    is_thing: bool
    first_seen_ns: int
    silhouette: Silhouette
    confirmed: bool = False
    velocity_xy: np.ndarray = field(default_factory=lambda: np.zeros(2))
    votes: ClassVotes = field(default_factory=ClassVotes)
    seen_ns: int = 0
    unseen_ns: int = 0
    _shrunk_ns: int = 0
    _measured_xy: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.whole = self.silhouette

    def expect(self, motion: Motion, elapsed_ns: int) -> None:
        """Move to where it should be in the next image."""
        elapsed_s = elapsed_ns / NS_PER_S
        drift = self.velocity_xy * elapsed_s
        # While it is hidden, the corners there are those of what hides it.
        own = self.silhouette.own_shift(motion) if self.unseen_ns == 0 else None
        self._measured_xy = None if own is None else own / elapsed_s
        self.silhouette = self.silhouette.moved(motion, drift if own is None else own)
        self.whole = self.whole.moved(motion, drift)

    def vote(self, label: int, score: float, elapsed_ns: int, memory_s: float) -> None:
        """Count what an image says of its class; before `see`."""
        self.votes.add(label, score, (self.unseen_ns + elapsed_ns) / NS_PER_S / memory_s)

    def see(self, silhouette: Silhouette, elapsed_ns: int, confirm_s: float) -> None:
        """Take where it was found; `expect` came before."""
        if self.unseen_ns == 0:
            self.seen_ns += elapsed_ns
        if self._measured_xy is not None:  # only now is it known that the corners were its own
            self.velocity_xy += _VELOCITY_GAIN * (self._measured_xy - self.velocity_xy)
        self.silhouette, self.unseen_ns = silhouette, 0
        is_shrunk = silhouette.area_px < _HIDDEN_SHARE * self.whole.area_px
        self._shrunk_ns = self._shrunk_ns + elapsed_ns if is_shrunk else 0
        if not 0 < self._shrunk_ns <= _SHRUNK_S * NS_PER_S:
            self.whole, self._shrunk_ns = silhouette, 0
        self.confirmed = self.confirmed or self.seen_ns >= confirm_s * NS_PER_S

    def miss(self, elapsed_ns: int) -> None:
        """Note that it was not found; any part of it may come out again."""
        self.silhouette = self.whole
        self.unseen_ns += elapsed_ns
        self.seen_ns = max(0, self.seen_ns - elapsed_ns)
        self.velocity_xy *= math.exp(-elapsed_ns / NS_PER_S / _VELOCITY_LASTS_S)

    def track(self) -> Track:
        """Return what others may know."""
        if self.unseen_ns > 0:
            state = TrackState.COASTING
        else:
            state = TrackState.CONFIRMED if self.confirmed else TrackState.TENTATIVE
        return Track(self.id, state, self.first_seen_ns)
