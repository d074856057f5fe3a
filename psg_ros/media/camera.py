# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video devices, read by OpenCV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from psg_ros.media.frame import Media, MediaError, MediaFrame, OnUnreadable, timed_frame

USUAL_RATE_HZ = 30.0
"""Taken where a driver does not tell its rate."""

VIDEO_DEVICE = 81  # major number, Documentation/admin-guide/devices.txt of Linux


def is_camera(path: Path) -> bool:
    """Tell whether a character device is one of Video4Linux, whatever name it goes by."""
    return os.major(path.stat().st_rdev) == VIDEO_DEVICE


def open_camera(path: Path) -> Media:
    """Return a video device (`/dev/video0`, `/dev/v4l/by-id/...`) as endless media.

    Raises:
        PermissionError: no permission to read it.
        ValueError: it cannot be opened (in use, no capture device).
    """
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(f"no permission to use {path}: is the user in the group 'video'?")
    capture = _open(path)
    rate_hz = capture.get(cv2.CAP_PROP_FPS) or USUAL_RATE_HZ
    capture.release()

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        return _read(path)

    return Media("camera", str(path), None, rate_hz, frames)


def _open(path: Path) -> cv2.VideoCapture:
    # The kernel's own name: links may have names that OpenCV cannot take.
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise ValueError(
            f"{path} cannot be opened as a camera; is it in use, or not a capture device?"
        )
    return capture


def _read(path: Path) -> Iterator[MediaFrame]:
    capture = _open(path)
    # One buffered picture: the newest matters, not the queue of old ones.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    start = cv2.getTickCount()
    try:
        index = 0
        while (image_rgb := _grab(capture)) is not None:
            time_s = (cv2.getTickCount() - start) / cv2.getTickFrequency()
            yield timed_frame(image_rgb, index, time_s, str(path))
            index += 1
    finally:
        capture.release()
    raise MediaError(f"{path} delivered no more pictures after {index}; was it unplugged?")


def _grab(capture: cv2.VideoCapture) -> np.ndarray | None:
    """Return the next picture in RGB, None at the end."""
    there, image_bgr = capture.read()
    return cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB) if there else None
