# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Antialiased bilinear scaling of bytes, to the bit what Pillow's `Image.resize(BILINEAR)` gives.

Published EoMT models were trained and measured on images scaled so. Pillow weighs with a triangle
as wide as the scale, first along the rows, then along the columns, in fixed point with 22 bits, and
rounds to bytes after each of the two (Pillow, src/libImaging/Resample.c). OpenCV has no such mode:
its bilinear resize does not widen the triangle, its area average is a box.

Pillow 13 scales the columns first where that is less work, among others in pictures more than twice
as high as wide; there a byte may differ by 1. Older ones do so only above a hundred times.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

_BITS = 22
_BLOCK = 16
"""Output lines worked on at a time: their sums stay in the processor's cache."""


def resize_antialiased(image: np.ndarray, out_hw: tuple[int, int]) -> np.ndarray:
    """Return uint8 [height, width, 3] of an image uint8 [h, w, 3]; works in both directions."""
    height, width = out_hw
    if width != image.shape[1]:
        image = cv2.transpose(_resize_lines(cv2.transpose(image), width))
    return image if height == image.shape[0] else _resize_lines(image, height)


def _resize_lines(image: np.ndarray, size: int) -> np.ndarray:
    """Scale the first axis of uint8 [line, place, 3]."""
    starts, weights = _triangle_weights(len(image), size)
    lines = image.reshape(len(image), -1)
    out = np.empty((size, lines.shape[1]), np.uint8)
    shape = (_BLOCK, lines.shape[1])
    taken, part, total = (np.empty(shape, kind) for kind in (np.uint8, np.int32, np.int32))
    for first in range(0, size, _BLOCK):
        block = slice(first, min(first + _BLOCK, size))
        count = block.stop - first
        total[:count] = 1 << (_BITS - 1)
        for tap in range(weights.shape[1]):
            rows = np.minimum(starts[block] + tap, len(lines) - 1)
            np.take(lines, rows, axis=0, out=taken[:count], mode="clip")
            np.multiply(taken[:count], weights[block, tap, None], out=part[:count])
            total[:count] += part[:count]
        np.right_shift(total[:count], _BITS, out=total[:count])
        out[block] = total[:count]
    return out.reshape(size, *image.shape[1:])


def _triangle_weights(in_size: int, out_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first input line int64 [out] and the weights int32 [out, tap] of every output.

    The weights of an output add up to 2**22 but for rounding; those beyond the input are 0.
    """
    scale = in_size / out_size
    support = max(scale, 1.0)
    centers = (np.arange(out_size) + 0.5) * scale
    starts = np.maximum((centers - support + 0.5).astype(np.int64), 0)
    stops = np.minimum((centers + support + 0.5).astype(np.int64), in_size)
    lines = starts[:, None] + np.arange(math.ceil(support) * 2 + 1)
    distance = np.abs((lines - centers[:, None] + 0.5) * (1 / support))
    weights = np.where(lines < stops[:, None], np.maximum(1 - distance, 0), 0.0)
    # Added one after the other, as Pillow does: another order rounds differently.
    weights /= np.cumsum(weights, axis=1)[:, -1:]
    return starts, (0.5 + weights * (1 << _BITS)).astype(np.int32)
