# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small pictures as bytes of many formats, whole and damaged."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image

PHOTO = cv2.GaussianBlur(
    np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8), (5, 5), 0
)
"""uint8 [120, 160, 3] RGB with detail everywhere, so that no format packs it into nothing."""

RGB_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "JPEG2000", "AVIF", "PPM")


def encoded(format_name: str, picture: np.ndarray | Image.Image = PHOTO, **options: Any) -> bytes:
    """Return a picture in a format; arrays are RGB or grey, of 8 or (grey only) 16 bit."""
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def with_exif(format_name: str, orientation: int, pixels: np.ndarray = PHOTO) -> bytes:
    """Return a picture whose EXIF tag says how its stored pixels must be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(format_name, pixels, exif=exif)


def jpeg(**options: Any) -> bytes:
    return encoded("JPEG", quality=90, **options)


def zero_filled(content: bytes, share: float) -> bytes:
    """Return what a download leaves that reserved the space and stopped."""
    part = content[: int(len(content) * share)]
    return part + bytes(len(content) - len(part))


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and data of each chunk."""
    place = 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        place += length + 12


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of these chunks, with right checksums."""
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def zeros_png(width: int, height: int) -> bytes:
    """Return a whole grey PNG of zeros, packed a thousandfold."""
    packer = zlib.compressobj(9)
    rows = bytes(width + 1) * 100
    data = b"".join(packer.compress(rows) for _ in range(height // 100))
    data += packer.compress(bytes(width + 1) * (height % 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return png_of((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
