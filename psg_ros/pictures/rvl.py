# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RVL, the lossless codec of depth (Wilson 2017), as compressed_depth_image_transport writes it.

    uint32 width, uint32 height     little-endian, as all that follows
    uint32 word ...                 eight nibbles each, the highest first

A nibble holds three bits of a number, the lowest first; its highest bit says that more follow. The
numbers are runs, row by row: how many pixels are 0, how many after them are not, and for each of
those the difference from the last one that was not 0, with its sign in the lowest bit.
"""

from __future__ import annotations

import struct

import numpy as np

from psg_ros.pictures.image_error import ImageError, check_megapixels

SIZE = struct.Struct("<II")
MAX_NIBBLES = 10
"""Of a number: 30 bits, more than any picture has pixels."""

PIXEL_BYTES = 4
"""Most that a pixel takes: two runs of one nibble each, and a step of six."""


def decode_rvl(data: np.ndarray, max_megapixels: int) -> np.ndarray:
    """Return what was stored.

    Args:
        data: uint8 [byte], size and words.

    Returns:
        uint16 [height, width].

    Raises:
        ImageError: too large, cut off, or no runs of a picture of its size.
    """
    if len(data) < SIZE.size:
        raise ImageError(f"RVL: expected a size of {SIZE.size} bytes, not {len(data)}")
    width, height = SIZE.unpack(data[: SIZE.size].tobytes())
    if not width or not height:
        raise ImageError(f"RVL of {width} x {height} px: expected at least 1 x 1 px")
    check_megapixels(width, height, max_megapixels)
    # Numbers take a multiple of their bytes: what no picture of this size needs is not read.
    most = PIXEL_BYTES * (width * height + 1)
    numbers = _numbers(data[SIZE.size :][:most])
    lengths, first = _runs(numbers, width * height)
    is_measured = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    steps = numbers[: first[-1] + lengths[-1]]
    steps = np.delete(steps, np.concatenate((first - 1, first - 2)))
    values = np.cumsum((steps >> 1) ^ -(steps & 1))
    if len(values) and not 0 <= values.min() <= values.max() <= np.iinfo(np.uint16).max:
        raise ImageError("RVL: a value outside 16 bit; the data is damaged")
    stored = np.zeros(width * height, np.uint16)
    stored[is_measured] = values
    return stored.reshape(height, width)


def _numbers(data: np.ndarray) -> np.ndarray:
    """Return all numbers in words of nibbles, int64 [number]."""
    data = data[: len(data) // 4 * 4].reshape(-1, 4)[:, ::-1].ravel()
    nibbles = np.stack((data >> 4, data & 15), axis=1).ravel()
    last = np.flatnonzero(nibbles < 8)
    if not len(last):
        return np.empty(0, np.int64)
    first = np.concatenate(([0], last[:-1] + 1))
    if (last - first).max() >= MAX_NIBBLES:
        raise ImageError(f"RVL: a number of more than {MAX_NIBBLES} nibbles; the data is damaged")
    nibbles = nibbles[: last[-1] + 1]
    place = np.arange(len(nibbles)) - np.repeat(first, last - first + 1)
    return np.add.reduceat((nibbles & 7).astype(np.int64) << 3 * place, first)


def _runs(numbers: np.ndarray, num_pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths of runs of 0 and of others by turns, and where the steps of the others begin.

    Returns:
        int64 [2 * run] and int64 [run].
    """
    lengths: list[int] = []
    first: list[int] = []
    place = pixels = 0
    while pixels < num_pixels and place + 2 <= len(numbers):
        zeros, others = numbers[place : place + 2].tolist()
        if not zeros and not others:
            raise ImageError("RVL: a run of no pixel; the data is damaged")
        lengths += (zeros, others)
        first.append(place + 2)
        place += 2 + others
        pixels += zeros + others
    if pixels != num_pixels or place > len(numbers):
        raise ImageError(
            f"RVL of {num_pixels} px: found {pixels} in {len(numbers)} numbers; it is cut off or "
            "damaged"
        )
    return np.array(lengths, np.int64), np.array(first, np.int64)
