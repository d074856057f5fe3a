# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files and video devices, read and written by OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from psg_ros.media.frame import Frame, Media

USUAL_RATE_HZ = 30.0
"""Taken where a file or a driver does not tell its rate."""

FRAMES_MAY_LACK = 0.05
"""Containers estimate their count; a larger share missing means damage (our choice)."""


def open_video(path: Path) -> Media:
    """Return a video file as media.

    Raises:
        ValueError: OpenCV cannot open it: no video, damaged, or a codec it lacks.
    """
    capture = _open(str(path))
    rate_hz = capture.get(cv2.CAP_PROP_FPS)
    num_frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    rate_hz = rate_hz if 0 < rate_hz <= 1000 else USUAL_RATE_HZ
    count = num_frames if num_frames > 0 else None
    return Media("video", str(path), count, rate_hz, lambda: _read_file(path, rate_hz, count))


def open_camera(device: str) -> Media:
    """Return a video device (`/dev/video0`) as endless media.

    Raises:
        FileNotFoundError: no such device.
        ValueError: it cannot be opened (in use, no permission, no capture device).
    """
    if not Path(device).exists():
        raise FileNotFoundError(f"no such file or device: {device}")
    capture = _open(device)
    rate_hz = capture.get(cv2.CAP_PROP_FPS) or USUAL_RATE_HZ
    capture.release()
    return Media("camera", device, None, rate_hz, lambda: _read_device(device))


class VideoWriter:
    """Writes an MP4 (MPEG-4 part 2) of one size at one rate; a context manager.

    Pictures of another size are scaled to fit and centred on black.

    Raises:
        ValueError: OpenCV cannot write there, or has no encoder.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int], rate_hz: float) -> None:
        # MPEG-4 wants even sides.
        self._size_wh = (size_wh[0] + size_wh[0] % 2, size_wh[1] + size_wh[1] % 2)
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), fourcc, rate_hz, self._size_wh)
        if not self._writer.isOpened():
            raise ValueError(
                f"cannot write the video {path} (size {self._size_wh}, {rate_hz:.3g} Hz): is the "
                "folder writable, the name *.mp4, and has OpenCV an MPEG-4 encoder?"
            )

    def write(self, image_rgb: np.ndarray) -> None:
        """Append one picture, uint8 [height, width, 3] RGB."""
        fitted = fit_into(image_rgb, self._size_wh)
        self._writer.write(cv2.cvtColor(fitted, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file."""
        self._writer.release()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


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


def _open(source: str) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(source)
    if not capture.isOpened():
        capture.release()
        raise ValueError(
            f"{source} cannot be opened as a video (damaged, in use, or an unknown codec)"
        )
    return capture


def _read_file(path: Path, rate_hz: float, num_frames: int | None) -> Iterator[Frame]:
    capture = _open(str(path))
    try:
        index = 0
        while (image_rgb := _grab(capture)) is not None:
            yield Frame(image_rgb, index, index / rate_hz, str(path))
            index += 1
    finally:
        capture.release()
    if index == 0 or (num_frames and num_frames - index > max(2, FRAMES_MAY_LACK * num_frames)):
        raise ValueError(f"{path} is damaged: {index} of {num_frames} frames could be read")


def _read_device(device: str) -> Iterator[Frame]:
    capture = _open(device)
    # One buffered picture: the newest matters, not the queue of old ones.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    start = cv2.getTickCount()
    try:
        index = 0
        while (image_rgb := _grab(capture)) is not None:
            time_s = (cv2.getTickCount() - start) / cv2.getTickFrequency()
            yield Frame(image_rgb, index, time_s, device)
            index += 1
    finally:
        capture.release()
    raise ValueError(f"{device} delivered no more pictures after {index}; was it unplugged?")


def _grab(capture: cv2.VideoCapture) -> np.ndarray | None:
    """Return the next picture in RGB, None at the end."""
    there, image_bgr = capture.read()
    return cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB) if there else None
