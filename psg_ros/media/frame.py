# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every kind of media comes down to: a stream of RGB frames that know when they were taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One picture of a stream.

    Attributes:
        image_rgb: uint8 [height, width, 3], RGB, upright, at least one pixel.
        index: place in the source, counted from 0.
        time_s: seconds since the first frame, by the clock of the source; 0 for still images.
        name: the file it came from; the same for all frames of a video.
    """

    image_rgb: np.ndarray = field(repr=False)
    index: int
    time_s: float
    name: str


@dataclass(frozen=True)
class Media:
    """A source of frames that was looked at but not read yet.

    Attributes:
        kind: `image`, `folder`, `video`, `camera` or `bag`.
        path: where it lies.
        num_frames: how many frames it announces; None where nobody can know (a live camera).
        rate_hz: frames a second; 0 where frames have no rhythm (still images).
        frames: starts a new pass from the first frame; the iterator raises ValueError, naming the
            file, when a frame cannot be read.
    """

    kind: str
    path: str
    num_frames: int | None
    rate_hz: float
    frames: Callable[[], Iterator[Frame]] = field(repr=False)

    @property
    def is_moving(self) -> bool:
        """Whether the frames have times: a video, a camera or a bag."""
        return self.kind in ("video", "camera", "bag")

    @property
    def is_single(self) -> bool:
        """Whether this is one still image."""
        return self.kind == "image"
