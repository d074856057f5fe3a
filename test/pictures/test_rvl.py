# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RVL: what an encoder after the paper writes is read back, and damage is refused in words."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from rvl_encoder import Writer, encode_rvl

from psg_ros.pictures.image_error import ImageError
from psg_ros.pictures.rvl import decode_rvl


def read(content, max_megapixels=1):
    return decode_rvl(np.frombuffer(content, np.uint8), max_megapixels)


def test_bytes_worked_out_by_hand():
    """0 0 5 4: runs of 2 and 2, steps +5 and -1, which are written as 10 and 1."""
    words = bytes.fromhex("2 2 a1 1 000".replace(" ", ""))[::-1]
    content = struct.pack("<II", 4, 1) + words
    np.testing.assert_array_equal(read(content), [[0, 0, 5, 4]])
    assert encode_rvl(np.array([[0, 0, 5, 4]])) == content


RNG = np.random.default_rng(0)
SMOOTH = (1000 + np.add.outer(np.arange(48) * 7, np.arange(64) * 3)).astype(np.uint16)
HOLES = np.where(RNG.random((48, 64)) < 0.3, 0, SMOOTH).astype(np.uint16)


@pytest.mark.parametrize(
    "depth",
    [
        SMOOTH,
        HOLES,
        RNG.integers(0, 65536, (31, 17)).astype(np.uint16),
        np.zeros((480, 640), np.uint16),
        np.full((1, 1), 65535, np.uint16),
        np.array([[65535, 1, 0, 65535]], np.uint16),
    ],
    ids=["smooth", "holes", "noise", "nothing measured", "one pixel", "greatest steps"],
)
def test_what_was_written_is_read(depth):
    found = read(encode_rvl(depth))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, depth)


def of(*numbers, width=4, height=1):
    writer = Writer()
    for number in numbers:
        writer.number(number)
    return struct.pack("<II", width, height) + writer.words()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1234", "expected a size of 8 bytes, not 4"),
        (of(4, 0, width=0), "RVL of 0 x 1 px"),
        (of(4, 0, width=50_000, height=50_000), "the limit is 1"),
        (of(), "found 0 in 0 numbers"),
        (encode_rvl(SMOOTH)[:-200], "cut off or damaged"),
        (of(3, 2, 2, 2), "found 5"),
        (of(0, 0, 4, 0), "a run of no pixel"),
        (of(0, 4, 1, 2, 2, 2), "a value outside 16 bit"),
        (of(0, 4, 2 * 65536, 2, 2, 2), "a value outside 16 bit"),
        (of(1 << 40, 0), "more than 10 nibbles"),
    ],
)
def test_damage_is_refused_in_words(content, words):
    with pytest.raises(ImageError, match=words):
        read(content)


def test_no_more_is_read_than_a_picture_of_its_size_can_need():
    """Else a small picture with a long tail would take fifty times the memory of its message."""
    zigzag = np.resize([65535, 1], (1, 64)).astype(np.uint16)
    for depth in (zigzag, np.where(np.arange(64) % 2, 65535, 0)[None].astype(np.uint16)):
        np.testing.assert_array_equal(read(encode_rvl(depth)), depth)
    content = encode_rvl(SMOOTH) + b"\xff" * (1 << 22)
    tracemalloc.start()
    found = read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found, SMOOTH)
    assert peak < 2 << 20


def test_noise_is_refused_or_read_and_never_more():
    for seed in range(200):
        noise = np.random.default_rng(seed).bytes(64)
        with suppress(ImageError):
            assert read(struct.pack("<II", 8, 4) + noise).shape == (4, 8)
