# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Video files, read by FFmpeg through PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.media.ffmpeg import codec_of, last_words, load_av, open_input
from psg_ros.media.frame import Media, MediaError, MediaFrame, OnUnreadable, timed_frame
from psg_ros.media.kinds import Kind
from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT
from psg_ros.pictures.image_error import ImageError, check_megapixels
from psg_ros.quoting import counted

USUAL_RATE_HZ = 30.0
"""Taken where a file does not tell its rate."""

_RAW_DEMUXERS = "h264,hevc,vvc,m4v,mpegvideo"
"""What a raw stream may be. FFmpeg must not guess further: some demuxers open other files."""


def open_video(path: Path, kind: Kind, max_megapixels: int = DEFAULT_LIMIT) -> Media:
    """Return a video file as media. Its length and rate are what the container says; only reading
    shows what is there.

    Args:
        kind: what the file is, see `psg_ros.media.kinds`.
        max_megapixels: a video of larger pictures is refused.

    Raises:
        ImportError: PyAV is not installed; names the extra.
        ValueError: no video can be opened in it: damaged, without pictures, too large, or a codec
            that is missing here, which the message names.
    """
    with _opened(path, kind) as (_, stream):
        _check_size(path, stream, max_megapixels)
        rate_hz = _rate_hz(stream)
        num_frames = stream.frames or None

    def frames(on_unreadable: OnUnreadable | None = None) -> Iterator[MediaFrame]:
        return _read(path, kind, rate_hz, max_megapixels)

    return Media("video", str(path), num_frames, rate_hz, frames)


@contextmanager
def _opened(path: Path, kind: Kind) -> Iterator[tuple[Any, Any]]:
    """Give the container and its video stream, ready to be decoded."""
    av = load_av()
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
        options = {} if kind.demuxer else {"format_whitelist": _RAW_DEMUXERS}
        try:
            with last_words() as words:
                container = open_input(file, kind.demuxer, options)
        except (av.FFmpegError, OSError) as error:  # OSError: it sent us to before the beginning
            reason = words[-1] if words else error.strerror
            raise ValueError(
                f"{path} is {kind.name}, but cannot be opened: {reason}; it is damaged, or was "
                "cut off while it was recorded"
            ) from error
        with container:
            yield container, _video_stream(container, path, kind)


def _video_stream(container: Any, path: Path, kind: Kind) -> Any:
    stream = container.streams.best("video")
    if stream is not None and stream.codec_context is not None:
        # Decoding is far cheaper than the networks. Threads of FFmpeg that log an error wait for
        # the interpreter, which may be waiting for them.
        stream.codec_context.thread_count = 1
        return stream
    if not container.streams.video:
        raise ValueError(f"{path} is {kind.name} without a picture: it holds sound or data only")
    codec = codec_of(container, container.streams.video[0].index)
    raise ValueError(
        f"{path} is {kind.name} whose codec ({codec}) cannot be decoded here; convert it: "
        "ffmpeg -i VIDEO -c:v libx264 CONVERTED.mp4"
    )


def _check_size(path: Path, pictures: Any, max_megapixels: int) -> None:
    try:
        check_megapixels(pictures.width, pictures.height, max_megapixels)
    except ImageError as error:
        raise MediaError(f"{path} holds pictures that are too large: {error}") from error


def _rate_hz(stream: Any) -> float:
    rate_hz = float(stream.average_rate or stream.guessed_rate or 0)
    return rate_hz if 0 < rate_hz <= 1000 else USUAL_RATE_HZ


def _read(path: Path, kind: Kind, rate_hz: float, max_megapixels: int) -> Iterator[MediaFrame]:
    with _opened(path, kind) as (container, stream):
        decoding = _Decoding(container, stream, kind)
        clock = _Clock(1 / rate_hz)
        index = 0
        for picture in decoding.pictures():
            # Once more: a stream may change its size on the way.
            _check_size(path, picture, max_megapixels)
            image_rgb = _upright(picture.to_ndarray(format="rgb24"), picture)
            yield timed_frame(image_rgb, index, clock.time_s(picture.time), str(path))
            index += 1
    if decoding.num_lost or not index:
        trouble = f" ({decoding.trouble})" if decoding.trouble else ""
        raise MediaError(
            f"{path} is damaged{trouble}: {counted(index, 'picture')} could be read, "
            f"{counted(decoding.num_lost, 'piece') if decoding.num_lost else 'the rest'} could not"
        )


class _Decoding:
    """Decodes a stream to its end, whatever is damaged on the way.

    Attributes:
        num_lost: pictures, or pieces of the file, that could not be decoded.
        trouble: what FFmpeg said about the first of them.
    """

    def __init__(self, container: Any, stream: Any, kind: Kind) -> None:
        self._container, self._stream, self._demuxer = container, stream, kind.demuxer
        self._has_begun = False
        self.num_lost, self.trouble = 0, ""

    def pictures(self) -> Iterator[Any]:
        """Yield the pictures that are whole."""
        av = load_av()
        packets = self._container.demux(self._stream)
        while True:
            try:
                with last_words("matroska") as words:
                    packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self._lose(str(error.strerror))
                return
            for text in words:
                # This demuxer passes over what it cannot read, and says so in its log only.
                self._lose(text)
            if packet is None:
                return
            yield from self._decoded(packet)

    def _decoded(self, packet: Any) -> Iterator[Any]:
        av = load_av()
        self._has_begun = self._has_begun or packet.is_keyframe
        if packet.is_corrupt:
            self._lose("a piece is missing")
            # In a transport stream what is missing may lie behind this packet.
            if self._demuxer != "mpegts":
                return
        try:
            pictures = packet.decode()
        except av.FFmpegError as error:
            # A stream that was cut out of a longer one begins with pictures that lack their
            # reference. That is not damage.
            if self._has_begun:
                self._lose(error.strerror)
            return
        for picture in pictures:
            if picture.is_corrupt:
                self._lose("a picture is incomplete")
            else:
                yield picture

    def _lose(self, trouble: str) -> None:
        self.num_lost += 1
        self.trouble = self.trouble or trouble


class _Clock:
    """Turns time stamps into seconds since the first picture, which never go back.

    Raw streams have no time stamps, and in recordings that were joined they start over; such a
    picture follows the one before at the usual distance.
    """

    def __init__(self, usual_s: float) -> None:
        self._usual_s = usual_s
        self._offset_s: float | None = None
        self._last_s = -usual_s

    def time_s(self, stamp_s: float | None) -> float:
        if stamp_s is None:
            self._last_s += self._usual_s
            return self._last_s
        if self._offset_s is None or stamp_s - self._offset_s < self._last_s:
            self._offset_s = stamp_s - (self._last_s + self._usual_s)
        self._last_s = stamp_s - self._offset_s
        return self._last_s


def _upright(image_rgb: np.ndarray, picture: Any) -> np.ndarray:
    """Return the image turned as the display matrix of the file says (ISO/IEC 14496-12, 6.2.2).

    Phones note there how they were held. Only turns by quarters and mirroring are followed.
    """
    from av.sidedata.sidedata import Type

    data = picture.side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return image_rgb
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5]
    if abs(b) > abs(a):  # x' = a x + c y, y' = b x + d y
        image_rgb, (a, b, c, d) = image_rgb.swapaxes(0, 1), (c, d, a, b)
    image_rgb = image_rgb[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image_rgb)
