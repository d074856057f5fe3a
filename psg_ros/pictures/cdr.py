# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CDR, the form in which ROS 2 messages travel, read in place: no byte of a large field is copied.

After four bytes that name the form, each value lies at the next multiple of its size. XCDR1 and the
plain form of XCDR2 are read, in both byte orders; they differ only for values of 8 bytes, of which
images have none.
"""

from __future__ import annotations

import struct

from psg_ros.pictures.image_error import ImageError

HEADER_BYTES = 4
WORDS = {
    b"\x00\x00": struct.Struct(">I"),
    b"\x00\x01": struct.Struct("<I"),
    b"\x00\x06": struct.Struct(">I"),
    b"\x00\x07": struct.Struct("<I"),
}
"""First bytes of a message -> how its numbers are written: XCDR1, then plain XCDR2."""


class CdrReader:
    """Takes one field after the other from a serialised message.

    Every method raises ImageError where the message ends before the field does.

    Args:
        serialized: the whole message; what `data` returns is a view of it.

    Raises:
        ImageError: another form of serialisation.
    """

    def __init__(self, serialized: bytes) -> None:
        start = serialized[:HEADER_BYTES]
        word = WORDS.get(start[:2])
        if word is None or len(start) < HEADER_BYTES:
            known = ", ".join(form.hex() for form in WORDS)
            raise ImageError(
                f"a serialised message must begin with one of {known} and two more bytes, not with "
                f"{start.hex() or 'nothing'}"
            )
        self._read_word = word.unpack_from
        self._message = serialized
        self._next = HEADER_BYTES

    def uint8(self) -> int:
        """Take a byte."""
        return self._take(1)[0]

    def int32(self) -> int:
        """Take a signed number of four bytes."""
        number = self.uint32()
        return number - ((number & 0x8000_0000) << 1)

    def uint32(self) -> int:
        """Take an unsigned number of four bytes."""
        # The header is as long as a number, so that the alignment counts from either.
        start = self._next + 3 & ~3
        self._check(start, 4)
        self._next = start + 4
        number: int = self._read_word(self._message, start)[0]
        return number

    def text(self) -> str:
        """Take a string, up to its first NUL; what is not UTF-8 becomes U+FFFD, as in rclpy."""
        return self._take(self.uint32()).partition(b"\0")[0].decode(errors="replace")

    def data(self) -> memoryview:
        """Take a sequence of bytes as a view, read-only like the message."""
        size, start = self.uint32(), self._next
        self._check(start, size)
        self._next = start + size
        return memoryview(self._message)[start : self._next]

    def _take(self, size: int) -> bytes:
        start = self._next
        self._check(start, size)
        self._next = start + size
        return self._message[start : self._next]

    def _check(self, start: int, size: int) -> None:
        if start + size > len(self._message):
            raise ImageError(
                f"a serialised message of {len(self._message)} bytes has no {size} bytes at "
                f"{start}: it is cut off, or a length in it is wrong"
            )
