# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a picture file holds more than one picture.

Decoders of still pictures give the first of them without a word. Files that are damaged count as
one picture: the decoder says what is wrong.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

_PAGES_LOOKED_AT = 100


def gif(file: BinaryIO) -> bool:
    """Tell whether a GIF has a second image descriptor (GIF89a specification)."""
    file.seek(10)
    flags = _byte(file)
    file.seek(13 + _color_table_bytes(flags))
    images = 0
    while images < 2:
        introducer = _byte(file)
        if introducer == 0x21:
            file.seek(1, 1)
        elif introducer == 0x2C:
            images += 1
            file.seek(8, 1)
            file.seek(_color_table_bytes(_byte(file)) + 1, 1)
        else:
            return False
        while length := _byte(file):
            file.seek(length, 1)
    return True


def _color_table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _byte(file: BinaryIO) -> int:
    """Return the next byte, 0 at the end, which ends every loop here."""
    return int.from_bytes(file.read(1), "big")


def png(file: BinaryIO) -> bool:
    """Tell whether a PNG announces an animation of more than one picture (APNG, chunk acTL)."""
    file.seek(8)
    while len(header := file.read(8)) == 8 and header[4:] != b"IDAT":
        if header[4:] == b"acTL":
            return int.from_bytes(file.read(4), "big") > 1
        file.seek(int.from_bytes(header[:4], "big") + 4, 1)
    return False


def webp(file: BinaryIO) -> bool:
    """Tell whether a WebP is animated (chunk VP8X, RFC 9649, section 2.7)."""
    file.seek(12)
    header = file.read(9)
    return header[:4] == b"VP8X" and len(header) == 9 and bool(header[8] & 2)


def tiff(file: BinaryIO) -> bool:
    """Tell whether a TIFF has more than one page; reduced copies and masks are none (TIFF 6.0)."""
    file.seek(0)
    header = file.read(8)
    order = "<" if header[:2] == b"II" else ">"
    version, place = struct.unpack(f"{order}2xHI", header.ljust(8, b"\0"))
    if version != 42:  # BigTIFF: decoders decide
        return False
    pages, seen = 0, {0}
    while place not in seen and len(seen) < _PAGES_LOOKED_AT and pages < 2:
        seen.add(place)
        file.seek(place)
        count = int.from_bytes(file.read(2), "little" if order == "<" else "big")
        entries = file.read(12 * count)
        if not count or len(entries) < 12 * count:
            break
        subfile = 0
        for tag, kind, number, value in struct.iter_unpack(f"{order}HHII", entries):
            if (tag, kind, number) == (0xFE, 4, 1):
                subfile = value
        pages += not subfile & 0b101
        (place,) = struct.unpack(f"{order}I", file.read(4).ljust(4, b"\0"))
    return pages > 1


# 0xFF in entropy-coded data is followed by 0 or, at a restart, by D0 .. D7; FF FF is padding.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def jpeg(file: BinaryIO) -> bool:
    """Tell whether a JPEG is followed by others at once, as in a Motion JPEG stream.

    A JPEG that announces its companions itself (CIPA DC-007: stereo pairs, gain maps) is one
    picture with additions.
    """
    file.seek(0)
    content = file.read(_FIRST_JPEG_BYTES)
    place = 2
    while marker := _NEXT_MARKER.search(content, place):
        if marker[0] == b"\xff\xd9":
            return content[marker.end() : marker.end() + 3] == b"\xff\xd8\xff"
        if content[marker.end() + 2 : marker.end() + 6] == b"MPF\0":
            return False
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return False


_FIRST_JPEG_BYTES = 1 << 25
"""A picture of a stream is far shorter (our choice)."""
