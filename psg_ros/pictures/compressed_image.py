# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CompressedImage messages to RGB arrays, with what image_transport says in their `format`.

compressed_image_transport (ROS 2 Humble to Kilted) writes `ENCODING; CODEC compressed TARGET`:
ENCODING is that of the camera, CODEC is jpeg, png or tiff, TARGET is what went into the codec,
bgr8 or bgr16 for colours and nothing or ENCODING otherwise. So a Bayer camera's mosaic lies in a
grey picture, and only `format` tells. Cameras that compress themselves write `jpeg` alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT, as_rgb, decode_samples
from psg_ros.pictures.image_decoding import (
    DEPTH_ENCODINGS,
    ENCODINGS,
    as_bytes,
    decode_mosaic,
    unknown_encoding,
)
from psg_ros.pictures.image_error import ImageError
from psg_ros.quoting import quoted

_WITHOUT_GREY = ("yuv", "yuy", "uyv", "nv")
"""Encodings that start so have colours; a grey picture of them holds bytes, not brightness."""


def decode_compressed_image(message: Any, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return the picture in a CompressedImage message.

    What the bytes are, they say themselves: a `format` of `png` before JPEG data does no harm. A
    rotation noted in the file is not applied: pixel positions must stay those of the camera.

    Returns:
        uint8 [height, width, 3] RGB, C-contiguous.

    Raises:
        ImageError: depth data, an encoding that is not known, or bytes that are not a whole picture
            (see `encoded_picture`); names the format.
    """
    encoding, codec = _parse(message.format)
    data = as_bytes(message.data)
    try:
        samples = decode_samples(data, max_megapixels)
        return _to_rgb(samples, encoding, codec)
    except ImageError as error:
        what = f"{len(data)} bytes of format {quoted(message.format)}"
        raise ImageError(f"{what}: {error}") from error


def _parse(text: str) -> tuple[str, str]:
    """Return encoding, empty where there is none, and what follows about the codec."""
    first, separator, rest = (part.strip() for part in text.partition(";"))
    if first in DEPTH_ENCODINGS or "compresseddepth" in text.lower():
        raise ImageError(f"format {quoted(text)} is depth; subscribe to the colour image")
    if separator and first not in ENCODINGS:
        raise ImageError(f"format {quoted(text)}: {unknown_encoding(first)}")
    return (first if first in ENCODINGS else ""), rest


def _to_rgb(samples: np.ndarray, encoding: str, codec: str) -> np.ndarray:
    if samples.ndim == 3:
        # Into such a picture red and blue went the other way round (ROS 1 before Hydro).
        exchanged = "compressed rgb" in codec
        return np.ascontiguousarray(samples[..., ::-1]) if exchanged else samples
    if encoding.startswith("bayer_"):
        return decode_mosaic(samples, encoding)
    if encoding.startswith(_WITHOUT_GREY):
        raise ImageError(f"a grey picture cannot be {encoding}")
    return as_rgb(samples)
