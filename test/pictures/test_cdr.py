# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Serialised messages are read as they were written, or refused in words."""

import random
import struct

import numpy as np
import pytest

from psg_ros.pictures.cdr import CdrReader
from psg_ros.pictures.image_decoding import decode_image
from psg_ros.pictures.image_error import ImageError
from psg_ros.pictures.serialized_image import read_compressed_image, read_image

PIXELS = bytes(range(4 * 3 * 2))
LITTLE, BIG, LITTLE_2, BIG_2 = b"\0\1\0\0", b"\0\0\0\0", b"\0\7\0\0", b"\0\6\0\0"


def text(order, content):
    return struct.pack(f"{order}I", len(content) + 1) + content + b"\0"


def header(order, frame=b"camera"):
    return struct.pack(f"{order}iI", -5, 7) + text(order, frame)


def aligned(body, size=4):
    return body + bytes(-len(body) % size)


def image(start=LITTLE, encoding=b"rgb8", step=12, data=PIXELS, frame=b"camera"):
    """Return a serialised Image of 4 x 2 px."""
    order = "<" if start[1] & 1 else ">"
    body = aligned(header(order, frame)) + struct.pack(f"{order}II", 2, 4)
    body = aligned(body + text(order, encoding) + b"\1") + struct.pack(f"{order}I", step)
    return start + body + struct.pack(f"{order}I", len(data)) + data


def fields(sec, nanosec, frame_id):
    return sec, nanosec, frame_id


@pytest.mark.parametrize("start", [LITTLE, BIG, LITTLE_2, BIG_2], ids=bytes.hex)
@pytest.mark.parametrize("frame", [b"", b"a", b"ab", b"abc", b"abcd"])
def test_an_image_is_read_in_both_byte_orders_whatever_its_alignment(start, frame):
    found = read_image(image(start, frame=frame), fields)
    assert found.header == (-5, 7, frame.decode())
    assert found[1:-1] == (2, 4, "rgb8", 1, 12) and bytes(found.data) == PIXELS


def test_pixels_are_not_copied():
    message = image()
    pixels = decode_image(read_image(message, fields))
    assert pixels.shape == (2, 4, 3) and np.shares_memory(pixels, np.frombuffer(message, np.uint8))
    assert not pixels.flags.writeable


def test_a_compressed_image_is_read():
    message = LITTLE + aligned(header("<")) + aligned(text("<", b"jpeg")) + struct.pack("<I", 3)
    found = read_compressed_image(message + b"abc", fields)
    assert (found.header, found.format, bytes(found.data)) == ((-5, 7, "camera"), "jpeg", b"abc")


def test_what_follows_the_last_field_does_not_matter():
    assert bytes(read_image(image() + bytes(3), fields).data) == PIXELS


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"caf\xc3\xa9", "caf\xe9"), (b"\xff", "\ufffd"), (b"a\0b", "a"), (b"", "")],
)
def test_strings_are_read_as_rclpy_reads_them(content, expected):
    assert CdrReader(LITTLE + text("<", content)).text() == expected


def test_a_string_without_any_byte_is_empty():
    assert CdrReader(LITTLE + bytes(4)).text() == ""


@pytest.mark.parametrize(
    "start", [b"", b"\0", b"\0\1", b"\0\1\0", b"\0\3\0\0", b"\0\x0b\0\0", b"\0\x09\0\0", b"PNG\0"]
)
def test_another_form_is_refused_and_named(start):
    with pytest.raises(ImageError, match=f"not with {start.hex() or 'nothing'}$"):
        CdrReader(start)


def test_a_message_cut_off_anywhere_is_refused():
    whole = image()
    for length in range(4, len(whole)):
        with pytest.raises(ImageError, match=f"message of {length} bytes has no"):
            read_image(whole[:length], fields)


@pytest.mark.parametrize("length", [len(PIXELS) + 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("start", [LITTLE, BIG], ids=bytes.hex)
def test_a_length_beyond_the_end_costs_no_memory(start, length):
    whole = image(start)
    number = struct.pack("<I" if start is LITTLE else ">I", length)
    with pytest.raises(ImageError, match=f"has no {length} bytes"):
        read_image(whole[: -len(PIXELS) - 4] + number + PIXELS, fields)


def test_whatever_the_bytes_are_they_are_an_image_or_refused():
    rng, outcomes = random.Random(1), set()
    for _ in range(20_000):
        damaged = bytearray(image(rng.choice([LITTLE, BIG, LITTLE_2, BIG_2])))
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            pixels = decode_image(read_image(bytes(damaged[: rng.randrange(20, 120)]), fields))
            outcomes.add(pixels.dtype.name)
        except ImageError as error:
            outcomes.add(type(error))
            assert len(str(error)) < 700
    assert outcomes == {"uint8", ImageError}
