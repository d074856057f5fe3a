# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a PNG is whole: its chunks, their checksums, its end (ISO/IEC 15948, clause 5)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from psg_ros.pictures.image_error import ImageError

PNG_START = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel of each colour type."""
_DEFLATE_AT_MOST = 1032
"""Deflate makes at most so many bytes of one."""


def check_png(content: bytes) -> None:
    """Check every chunk up to the end chunk; bytes after that do not matter.

    Pillow checks what it needs, and not the checksums of the pixels.

    Raises:
        ImageError: it is cut off, a checksum is wrong, or its pixels cannot be in so few bytes.
    """
    least_bytes, data_bytes = 0, 0
    view = memoryview(content)  # slices of bytes would be copies
    for kind, start, end in _chunks(content):
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise ImageError(f"damaged PNG: wrong checksum of {_name(kind)}")
        if kind == b"IHDR":
            least_bytes = _pixel_bytes(content[start:end])
        elif kind == b"IDAT":
            data_bytes += end - start
        elif kind == b"IEND":
            if (data_bytes + 1) * _DEFLATE_AT_MOST < least_bytes:
                raise ImageError(
                    f"incomplete PNG: {data_bytes} bytes of pixels, expected {least_bytes} unpacked"
                )
            return


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind of each chunk and where its data starts and ends."""
    place = len(PNG_START)
    while True:
        start = place + 8
        kind = content[place + 4 : start]
        end = start + int.from_bytes(content[place : place + 4], "big")
        if end + 4 > len(content):
            raise ImageError(f"incomplete PNG: cut off in {_name(kind) if kind else 'a chunk'}")
        yield kind, start, end
        place = end + 4


def _pixel_bytes(header: bytes) -> int:
    """Return the least that the pixels take, unpacked; 0 where the header makes no sense."""
    if len(header) < 10:
        return 0
    width, height = (int.from_bytes(header[i : i + 4], "big") for i in (0, 4))
    return width * height * header[8] * _SAMPLES.get(header[9], 0) // 8


def _name(kind: bytes) -> str:
    return repr(kind.decode("latin-1"))
