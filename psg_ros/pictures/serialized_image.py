# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Serialised Image and CompressedImage messages, read without a copy of their pixels.

In rclpy's own conversion they are cleared once and copied three times before a callback sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from psg_ros.pictures.cdr import CdrReader

MakeHeader = Callable[[int, int, str], Any]
"""Makes a header of the stamp's seconds and nanoseconds and the frame."""


class SerializedImage(NamedTuple):
    """The fields of sensor_msgs/Image; `data` is a view of the serialised message."""

    header: Any
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: memoryview


class SerializedCompressedImage(NamedTuple):
    """The fields of sensor_msgs/CompressedImage; `data` is a view of the serialised message."""

    header: Any
    format: str
    data: memoryview


def read_image(serialized: bytes, make_header: MakeHeader) -> SerializedImage:
    """Return the fields of an Image; ImageError if the bytes hold none. Sizes are not compared."""
    cdr = CdrReader(serialized)
    return SerializedImage(
        header=_header(cdr, make_header),
        height=cdr.uint32(),
        width=cdr.uint32(),
        encoding=cdr.text(),
        is_bigendian=cdr.uint8(),
        step=cdr.uint32(),
        data=cdr.data(),
    )


def read_compressed_image(serialized: bytes, make_header: MakeHeader) -> SerializedCompressedImage:
    """Return the fields of a CompressedImage; ImageError if the bytes hold none."""
    cdr = CdrReader(serialized)
    return SerializedCompressedImage(_header(cdr, make_header), cdr.text(), cdr.data())


def _header(cdr: CdrReader, make_header: MakeHeader) -> Any:
    return make_header(cdr.int32(), cdr.uint32(), cdr.text())
