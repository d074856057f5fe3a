# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The door to FFmpeg: PyAV, loaded when a video is read or written for the first time."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, BinaryIO


@cache
def load_av() -> ModuleType:
    """Return PyAV.

    Raises:
        ImportError: it is not installed; names the extra.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(f"videos need PyAV ({error}): pip install av (extra 'video')") from error
    # What is not collected by `last_words` would end on standard error.
    logger = logging.getLogger("libav")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return av


def open_input(file: BinaryIO, demuxer: str, options: dict[str, str]) -> Any:
    """Return a container of PyAV that reads an open file.

    FFmpeg gets a nameless stream of bytes: from a name it would take protocols ("a:b.mp4") and
    patterns ("a%d.mp4"), and not every name can be given to it.

    Args:
        file: opened from a descriptor, so that it has no name.
        demuxer: FFmpeg's name of the format; empty lets it find out.
    """
    av = load_av()
    arguments: dict[str, Any] = {"format": demuxer or None, "options": options}
    # Titles that are not UTF-8 do not matter; from 19 on PyAV sees to that itself.
    if int(av.__version__.partition(".")[0]) < 19:
        arguments["metadata_errors"] = "replace"
    return av.open(file, **arguments)


@contextmanager
def last_words(of: str = "") -> Iterator[list[str]]:
    """Collect what FFmpeg logs as an error in this thread inside the block; else it is silent.

    Args:
        of: the beginning of the name of the part of FFmpeg that counts.
    """
    av = load_av()
    words: list[str] = []
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as entries:
            yield words
    finally:
        av.logging.set_level(level)
        words += [
            text.strip().partition("\n")[0] for _, name, text in entries if name.startswith(of)
        ]


def codec_of(container: Any, index: int) -> str:
    """Return how FFmpeg describes the codec of a stream that it has no decoder for."""
    av = load_av()
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        text = container.dumps_format()
    finally:
        av.logging.set_level(level)
    found = re.search(rf"Stream #0:{index}\b.*?: Video: (\S+?)(?:,| \((.{{4}}) /|\s)", text)
    if not found:
        return "unknown"
    name, tag = found.groups()
    return tag or "unknown" if name == "none" else name
