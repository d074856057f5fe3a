# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drawn pictures on disk, in the form of what they were drawn on: image, folder or video."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np

from psg_ros.files import check_not_input, check_writable, name_with_suffix, replacing
from psg_ros.media import Media, MediaFrame, VideoWriter


class AnnotatedOutput(Protocol):
    """Takes drawn pictures one by one; a context manager."""

    def write(self, frame: MediaFrame, drawn_rgb: np.ndarray) -> None:
        """Take the drawing of one frame, uint8 [height, width, 3] RGB."""

    def __enter__(self) -> AnnotatedOutput: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_annotated(path: Path, media: Media, every: int = 1) -> AnnotatedOutput:
    """Return the output for drawings of `media`: a file for an image, a folder, or an MP4.

    A video keeps the times of its frames.

    Args:
        every: only every Nth frame comes.

    Raises:
        ValueError: the name does not fit the kind of media, or would overwrite the input.
        FileNotFoundError: the folder that shall hold the file does not exist.
    """
    check_not_input(path, media.path)
    if media.kind == "folder":
        return _Folder(path)
    check_writable(path)
    if media.is_single:
        return _Image(path)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"the drawing of a {media.kind} is a video: {path} must end in .mp4")
    return _Video(path, (media.rate_hz or STILL_RATE_HZ) / every)


def write_image(path: Path, image_rgb: np.ndarray) -> None:
    """Write uint8 [height, width, 3] RGB in the format of the name's ending, as a whole.

    Raises:
        ValueError: OpenCV knows no such format.
    """
    try:
        _check_format(path)
        well, content = cv2.imencode(path.suffix, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))
    except cv2.error:  # more pixels than the format allows
        well = False
    if not well:
        height, width = image_rgb.shape[:2]
        raise ValueError(f"{path}: {width} x {height} px cannot be written in this format")
    with replacing(path) as temporary:
        temporary.write_bytes(content.tobytes())


def _is_image_name(path: Path) -> bool:
    # OpenCV sees the ending only: it cannot take every file name.
    return path.suffix.isascii() and bool(cv2.haveImageWriter(f"a{path.suffix}"))


def _check_format(path: Path) -> None:
    if not _is_image_name(path):
        raise ValueError(f"{path}: no image format {path.suffix!r}; take .png or .jpg")


STILL_RATE_HZ = 10.0
"""Pictures a second in the video of a bag whose recording has no rate (one message)."""


class _Image:
    def __init__(self, path: Path) -> None:
        self._path = path
        _check_format(path)

    def write(self, frame: MediaFrame, drawn_rgb: np.ndarray) -> None:
        write_image(self._path, drawn_rgb)

    def __enter__(self) -> _Image:
        return self

    def __exit__(self, *ending: object) -> None:
        pass


class _Folder:
    """Each picture a PNG named like its source; complete files stay when a later picture fails."""

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is a file; expected a folder for the drawings of a folder")
        if not path.exists() and (path.suffix == ".mp4" or _is_image_name(path)):
            raise ValueError(f"{path} names a file; the drawings of a folder need a folder")
        self._path = path

    def write(self, frame: MediaFrame, drawn_rgb: np.ndarray) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        write_image(self._path / name_with_suffix(Path(frame.name).name, ".png"), drawn_rgb)

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *ending: object) -> None:
        pass


class _Video:
    """An MP4 of the size of its first picture, which appears when the block ends well."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._path, self._rate_hz = path, rate_hz
        self._stack = ExitStack()
        self._writer: VideoWriter | None = None

    def write(self, frame: MediaFrame, drawn_rgb: np.ndarray) -> None:
        if self._writer is None:
            temporary = self._stack.enter_context(replacing(self._path))
            self._writer = self._stack.enter_context(VideoWriter(temporary, self._rate_hz))
        self._writer.write(drawn_rgb, frame.time_s)

    def __enter__(self) -> _Video:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)
