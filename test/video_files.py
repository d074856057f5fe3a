# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small videos of every kind, encoded by PyAV for the tests that read them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av", reason="the extra 'video' is not installed")

SHAPE = (48, 64, 3)


def box_at(index: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A red box on black that moves right, 2 px a picture."""
    image = np.zeros(shape, np.uint8)
    image[:, 2 * index : 2 * index + 20] = (200, 30, 30)
    return image


def encoded(
    codec: str,
    container: str,
    times_s: Sequence[float],
    *,
    pixels: str = "yuv420p",
    shape: tuple[int, ...] = SHAPE,
    sound_s: float = 0.0,
    turned: int = 0,
    ticks_per_s: int = 1000,
    title: str = "",
) -> bytes:
    """Return a video of `box_at`, one picture a time.

    Args:
        pixels: the pixel format of FFmpeg.
        sound_s: seconds of silence beside the pictures.
        turned: degrees counterclockwise, as a phone notes them.
        ticks_per_s: of the time stamps.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        output.metadata["title"] = title
        rate = round(1 / (times_s[1] - times_s[0])) if len(times_s) > 1 else 10
        stream = output.add_stream(codec, rate=rate, options={"bf": "0"})
        stream.height, stream.width = shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, ticks_per_s)
        if turned:
            stream.set_display_rotation(turned)
        if sound_s:
            _add_silence(output, sound_s)
        for index, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(box_at(index, shape), format="rgb24")
            frame.time_base, frame.pts = Fraction(1, ticks_per_s), round(time_s * ticks_per_s)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


def _add_silence(output: av.container.OutputContainer, seconds: float) -> None:
    stream = output.add_stream("pcm_s16le", rate=8000)
    stream.layout = "mono"
    for index in range(round(seconds * 10)):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = 8000, 800 * index
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def steady(num_frames: int, rate_hz: float = 10.0) -> list[float]:
    """Return the times of a steady video."""
    return [index / rate_hz for index in range(num_frames)]
