# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writing videos that browsers play: H.264 in MP4, through PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from psg_ros.media.ffmpeg import load_av

ENCODERS = {
    # Without B-frames the last picture keeps its duration, and variable times stay simple.
    "libx264": {"preset": "veryfast", "crf": "20", "bf": "0"},
    "libopenh264": {"b": "4M"},
}
"""Encoders of H.264, the best first, with their options (our choice)."""

SMALL = {
    "libx264": {"preset": "slow", "crf": "25", "bf": "0"},
    "libopenh264": {"b": "1M"},
}
"""The same for files that are shipped: a third of the size, several times the work."""

TICKS_PER_S = 90_000  # MPEG's own clock: exact for all usual rates
_BT601 = 5  # AVCOL_SPC_BT470BG: what FFmpeg turns RGB into unless told otherwise


class VideoWriter:
    """Writes an MP4 of one size, each picture with its own time; a context manager.

    The size is that of the first picture, made even; others are scaled to fit and centred on black.

    Args:
        path: is created at once.
        rate_hz: how long the last picture stays, as 1 / rate.
        small: a smaller file is worth more than the time to write it.

    Raises:
        ImportError: PyAV is not installed; names the extra.
        OSError: the file cannot be created.
        RuntimeError: PyAV was built without an encoder of H.264.
    """

    def __init__(self, path: Path, rate_hz: float, *, small: bool = False) -> None:
        self._av = load_av()
        self._encoder = _encoder(self._av)
        self._options = (SMALL if small else ENCODERS)[self._encoder]
        self._rate = Fraction(rate_hz).limit_denominator(TICKS_PER_S)
        # FFmpeg would take protocols and patterns from the name, so it gets the open file.
        self._file = path.open("wb")
        self._container: Any = None
        self._stream: Any = None
        self._ticks = -1
        self._size_wh = (0, 0)

    def write(self, image_rgb: np.ndarray, time_s: float) -> None:
        """Append one picture, uint8 [height, width, 3] RGB.

        Args:
            time_s: when it is shown, from the beginning of the video; one that is not later than
                the picture before follows that at once.
        """
        if self._stream is None:
            self._begin(image_rgb)
        frame = self._av.VideoFrame.from_ndarray(fit_into(image_rgb, self._size_wh), format="rgb24")
        frame.time_base = Fraction(1, TICKS_PER_S)
        frame.pts = self._ticks = max(self._ticks + 1, round(time_s * TICKS_PER_S))
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file; without pictures it stays empty."""
        with self._file:
            if self._container is not None:
                with self._container:
                    self._container.mux(self._stream.encode())
                self._container = None

    def _begin(self, image_rgb: np.ndarray) -> None:
        height, width = image_rgb.shape[:2]
        self._size_wh = (width + width % 2, height + height % 2)
        self._container = self._av.open(self._file, "w", format="mp4")
        self._stream = self._container.add_stream(
            self._encoder, rate=self._rate, options=dict(self._options)
        )
        self._stream.width, self._stream.height = self._size_wh
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.colorspace = _BT601
        self._stream.codec_context.time_base = Fraction(1, TICKS_PER_S)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def _encoder(av: ModuleType) -> str:
    for name in ENCODERS:
        if name in av.codecs_available:
            return name
    raise RuntimeError(
        f"this PyAV has none of {', '.join(ENCODERS)}: pip install av (extra 'video')"
    )


def fit_into(image_rgb: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the picture scaled to fit into (width, height) px, centred on black."""
    height, width = image_rgb.shape[:2]
    if (width, height) == size_wh:
        return image_rgb
    scale = min(size_wh[0] / width, size_wh[1] / height)
    inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    left, top = (size_wh[0] - inner_w) // 2, (size_wh[1] - inner_h) // 2
    inner = cv2.resize(image_rgb, (inner_w, inner_h), interpolation=cv2.INTER_AREA)
    canvas[top : top + inner_h, left : left + inner_w] = inner
    return canvas
