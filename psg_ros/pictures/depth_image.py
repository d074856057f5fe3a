# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth messages to metres, by REP 118 (units) and REP 117 (values that are no distance).

    32FC1              metres
    16UC1, mono16      millimetres, 0 where nothing was measured; some drivers say mono16

The unit follows from the encoding and from nothing else: a divisor that a user has to set is a
factor of 1000 away from the truth sooner or later. Works on anything with the fields of the
messages, without rclpy.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from psg_ros.pictures.encoded_picture import DEFAULT_LIMIT, decode_samples
from psg_ros.pictures.image_decoding import as_bytes
from psg_ros.pictures.image_error import ImageError, check_megapixels
from psg_ros.pictures.rvl import decode_rvl
from psg_ros.quoting import quoted

ITEM_BYTES = {"32FC1": 4, "16UC1": 2, "mono16": 2}
"""Depth encodings, and bytes of a value."""

MILLIMETRE = np.float32(0.001)

CONFIG_HEADER = struct.Struct("<iff")
"""What compressed_depth_image_transport puts before the picture: format, and two numbers that undo
the quantisation of 32FC1: depth = first / (stored - second)."""


def decode_depth(message: Any, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return the metres in an Image message.

    Returns:
        float32 [height, width], NaN where nothing was measured. Not a view of the message.

    Raises:
        ImageError: another encoding, sizes that do not fit each other, or too large.
    """
    item_bytes = ITEM_BYTES.get(message.encoding)
    if item_bytes is None:
        raise ImageError(
            f"encoding {quoted(message.encoding)} is no depth: expected 32FC1 (metres) or 16UC1 "
            "(millimetres)"
        )
    data = as_bytes(message.data)
    _check_sizes(message, item_bytes, len(data))
    check_megapixels(message.width, message.height, max_megapixels)
    order = ">" if message.is_bigendian else "<"
    values = np.ndarray(
        (message.height, message.width),
        np.dtype(f"{order}{'f' if item_bytes == 4 else 'u'}{item_bytes}"),
        buffer=data,
        strides=(message.step, item_bytes),
    )
    return _metres(values)


def decode_compressed_depth(message: Any, max_megapixels: int = DEFAULT_LIMIT) -> np.ndarray:
    """Return the metres in a CompressedImage message of compressed_depth_image_transport.

    Returns:
        As `decode_depth`.

    Raises:
        ImageError: another format or codec, or bytes that are not a whole picture.
    """
    what = f"{len(message.data)} bytes of format {quoted(message.format)}"
    encoding, _, codec = (part.strip() for part in message.format.partition(";"))
    if encoding not in ITEM_BYTES or "compresseddepth" not in codec.lower():
        raise ImageError(
            f"{what}: expected '16UC1; compressedDepth png' or '32FC1; compressedDepth png', or rvl"
        )
    data = as_bytes(message.data)
    if len(data) <= CONFIG_HEADER.size:
        raise ImageError(f"{what}: expected a header of {CONFIG_HEADER.size} bytes and a picture")
    decode = decode_rvl if "rvl" in codec.lower() else decode_samples
    try:
        stored = decode(data[CONFIG_HEADER.size :], max_megapixels)
    except ImageError as error:
        raise ImageError(f"{what}: {error}") from error
    if stored.ndim != 2 or stored.dtype != np.uint16:
        raise ImageError(f"{what}: expected a grey PNG of 16 bit")
    if ITEM_BYTES[encoding] == 2:
        return _metres(stored)
    _, first, second = CONFIG_HEADER.unpack(data[: CONFIG_HEADER.size].tobytes())
    return _dequantised(stored, first, second)


def _metres(values: np.ndarray) -> np.ndarray:
    metres = np.array(values, np.float32)
    if values.dtype.kind == "u":
        metres *= MILLIMETRE
    return _without_invalid(metres)


def _dequantised(stored: np.ndarray, first: float, second: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.float32(first) / (stored.astype(np.float32) - np.float32(second))
    metres[stored == 0] = np.nan
    return _without_invalid(metres)


def _without_invalid(metres: np.ndarray) -> np.ndarray:
    """Make NaN of all that is no distance: 0, negative ones, too near (-inf), too far (inf)."""
    with np.errstate(invalid="ignore"):
        metres[~((metres > 0) & (metres < np.inf))] = np.nan
    return metres


def _check_sizes(message: Any, item_bytes: int, num_bytes: int) -> None:
    what = f"{message.encoding} depth of {message.width} x {message.height} px"
    if message.width < 1 or message.height < 1:
        raise ImageError(f"{what}: expected at least 1 x 1 px")
    row_bytes = message.width * item_bytes
    if message.step < row_bytes:
        raise ImageError(f"{what}: expected a step of at least {row_bytes}, not {message.step}")
    expected = message.step * (message.height - 1) + row_bytes
    if expected > num_bytes:
        raise ImageError(
            f"{what}: expected {message.height} rows of {message.step} bytes = "
            f"{message.step * message.height}, but data holds {num_bytes}"
        )
