# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every kind of media comes down to: a stream of RGB frames that know when they were taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from psg_ros.frame import Frame


@dataclass(frozen=True, eq=False, kw_only=True)
class MediaFrame(Frame):
    """One frame of a source; its image is upright.

    A video or camera stamps it by the time since its first frame, a bag as the recorded message was
    stamped; a still image stands alone.

    Attributes:
        index: place in the source, counted from 0.
        time_s: seconds since the first frame, by the clock of the source; 0 for still images.
        name: the file it came from; the same for all frames of a video.
    """

    index: int
    time_s: float
    name: str


def timed_frame(image_rgb: np.ndarray, index: int, time_s: float, name: str) -> MediaFrame:
    """Return a frame of a stream that starts at 0."""
    stamp_ns = round(time_s * 1e9)
    return MediaFrame(image_rgb, stamp_ns=stamp_ns, index=index, time_s=time_s, name=name)


class MediaError(ValueError):
    """A source broke off, or a part of it was lost; the frames that it gave before are good."""


OnUnreadable = Callable[[str], None]
"""Is told, in one line that names the file, which picture is left out and why."""


class Frames(Protocol):
    """Starts a new pass over a source, from its first frame."""

    def __call__(self, on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        """Return the frames.

        Args:
            on_unreadable: is told of each picture of a folder or bag that cannot be read, and the
                pass goes on. Without it such a picture ends the pass.

        The iterator raises MediaError, which names the file, where a source breaks off, and
        ValueError for a picture that cannot be read.
        """


@dataclass(frozen=True)
class Media:
    """A source of frames that was looked at but not read yet.

    Attributes:
        kind: `image`, `folder`, `video`, `camera` or `bag`.
        path: where it lies.
        num_frames: about how many frames it announces, for a progress bar: containers often do not
            know, or are wrong. None where nothing is announced.
        rate_hz: frames a second, on average; 0 where frames have no rhythm (still images).
        frames: see `Frames`.
        left_out: files of a folder that are not pictures, each with what it is instead.
    """

    kind: str
    path: str
    num_frames: int | None
    rate_hz: float
    frames: Frames = field(repr=False)
    left_out: tuple[str, ...] = ()

    @property
    def is_moving(self) -> bool:
        """Whether the frames have times: a video, a camera or a bag."""
        return self.kind in ("video", "camera", "bag")

    @property
    def is_single(self) -> bool:
        """Whether this is one still image."""
        return self.kind == "image"

    @property
    def is_endless(self) -> bool:
        """Whether only the reader can end it: a live camera."""
        return self.kind == "camera"
