# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one way from the bytes of a picture to an array: for files, data sets, bags and the node.

A picture is read as a whole or refused with an ImageError; no decoder writes to standard error.
The size is read from the header first, and a picture above the limit costs nothing. How damage is
noticed depends on the format:

    JPEG                     whatever libjpeg-turbo warns of, see `jpeg`
    PNG                      every checksum, and the end chunk
    lossless WebP, GIF,      what is cut off, and what contradicts itself; changed bytes mostly
    JPEG 2000, AVIF          show as wrong colours, because there is no checksum
    lossy WebP               what is cut off; changed bytes show as wrong colours
    BMP, PNM, plain TIFF     what is cut off; every byte is a valid pixel
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from psg_ros.config import PictureConfig
from psg_ros.pictures.image_error import ImageError
from psg_ros.pictures.jpeg import JPEG_START, decode_jpeg, is_complete_jpeg
from psg_ros.pictures.pillow_pictures import decode_with_pillow, orientation_of
from psg_ros.pictures.png_chunks import PNG_START, check_png

# After the stored pixels are mirrored left to right where `mirror`, turn them clockwise.
_TURNS = {
    1: (False, None),
    2: (True, None),
    3: (False, cv2.ROTATE_180),
    4: (True, cv2.ROTATE_180),
    5: (True, cv2.ROTATE_90_COUNTERCLOCKWISE),
    6: (False, cv2.ROTATE_90_CLOCKWISE),
    7: (True, cv2.ROTATE_90_CLOCKWISE),
    8: (False, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


DEFAULT_LIMIT = PictureConfig.max_megapixels


def decode_samples(content: Any, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return the pixels as they are stored, without the rotation of an EXIF tag.

    Args:
        content: bytes, or what shows its bytes (memoryview, array.array, uint8 array).

    Returns:
        uint8 [height, width, 3] RGB; or [height, width] of a grey picture, uint8 or uint16.
        C-contiguous. Transparency is dropped; colours of 16 bit come as their upper 8, so up to 1
        below what rounding would give.

    Raises:
        ImageError: empty, no picture, incomplete, damaged or too large.
    """
    return _decode(content, max_megapixels)[0]


def decode_upright(content: bytes, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return uint8 [height, width, 3] RGB, turned as an EXIF tag or the container asks.

    Raises:
        ImageError: as `decode_samples`.
    """
    samples, orientation = _decode(content, max_megapixels)
    if orientation is None:
        orientation = orientation_of(content)
    return turned(as_rgb(samples), orientation)


def as_rgb(samples: np.ndarray) -> np.ndarray:
    """Return samples as uint8 [height, width, 3] RGB: grey repeated, 65535 becoming 255."""
    if samples.dtype == np.uint16:
        samples = cv2.convertScaleAbs(samples, alpha=255 / 65535)
    return samples if samples.ndim == 3 else cv2.cvtColor(samples, cv2.COLOR_GRAY2RGB)


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return stored pixels upright; `orientation` is 1 to 8 as in EXIF, 5 to 8 swap the sides."""
    mirror, turn = _TURNS[orientation]
    if mirror:
        image = cv2.flip(image, 1)
    return image if turn is None else cv2.rotate(image, turn)


def _decode(content: Any, max_megapixels: int) -> tuple[np.ndarray, int | None]:
    """Return the pixels, and the orientation where finding the former told it as well."""
    try:
        return _decode_by_format(content, max_megapixels)
    except MemoryError as error:
        raise ImageError("not enough memory for a picture of this size") from error


def _decode_by_format(content: Any, max_megapixels: int) -> tuple[np.ndarray, int | None]:
    flat = np.frombuffer(content, np.uint8) if len(content) else np.empty(0, np.uint8)
    if not flat.size:
        raise ImageError("it is empty")
    start = flat[: len(PNG_START)].tobytes()
    if start.startswith(JPEG_START):
        pixels = decode_jpeg(flat, max_megapixels)
        if pixels is not None:
            return pixels, None
    whole = content if isinstance(content, bytes) else flat.tobytes()
    if start.startswith(JPEG_START) and not is_complete_jpeg(whole):
        raise ImageError("damaged JPEG: no end marker")
    if start == PNG_START:
        check_png(whole)
    return decode_with_pillow(whole, max_megapixels)
