# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Film: a video at a steady rate from pictures that arrive when they please."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from psg_ros.media import VideoWriter


class Film:
    """Writes pictures to an MP4 at their place in time, repeating the last one over gaps.

    The size is that of the first picture; others are fitted into it.

    Args:
        rate_hz: pictures a second of the file; that of the camera shows every picture once.
    """

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path, self._rate_hz = path, rate_hz
        self._writer: VideoWriter | None = None
        self._first_s = 0.0
        self._written = 0
        self._last: np.ndarray | None = None

    def add(self, image_rgb: np.ndarray, time_s: float) -> None:
        """Take a picture of the moment `time_s`, uint8 [height, width, 3] RGB; not an older one."""
        if self._writer is None:
            size_wh = (image_rgb.shape[1], image_rgb.shape[0])
            self._writer = VideoWriter(self._path, size_wh, self._rate_hz)
            self._first_s = time_s
        place = round((time_s - self._first_s) * self._rate_hz)
        while self._last is not None and self._written < place:
            self._write(self._last)
        if self._written <= place:
            self._write(image_rgb)
        self._last = image_rgb

    def close(self) -> int:
        """Finish the file and return its number of pictures; without pictures there is no file."""
        if self._writer is not None:
            self._writer.close()
        return self._written

    def _write(self, image_rgb: np.ndarray) -> None:
        assert self._writer is not None
        self._writer.write(image_rgb)
        self._written += 1
