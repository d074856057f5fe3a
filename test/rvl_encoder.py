# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes RVL, the codec of depth, number by number as the paper has it."""

import struct


class Writer:
    """Packs numbers as Wilson's encoder does."""

    def __init__(self):
        self.nibbles = []

    def number(self, value):
        more = True
        while more:
            more = value > 7
            self.nibbles.append((value & 7) | (8 if more else 0))
            value >>= 3

    def words(self):
        padded = self.nibbles + [0] * (-len(self.nibbles) % 8)
        words = (padded[i : i + 8] for i in range(0, len(padded), 8))
        return b"".join(
            struct.pack("<I", int("".join(f"{n:x}" for n in word), 16)) for word in words
        )


def encode_rvl(depth):
    writer, values, place, previous = Writer(), depth.ravel().tolist(), 0, 0
    while place < len(values):
        zeros = 0
        while place + zeros < len(values) and not values[place + zeros]:
            zeros += 1
        others = 0
        while place + zeros + others < len(values) and values[place + zeros + others]:
            others += 1
        writer.number(zeros)
        writer.number(others)
        for value in values[place + zeros : place + zeros + others]:
            step = value - previous
            writer.number(2 * step if step >= 0 else -2 * step - 1)
            previous = value
        place += zeros + others
    return struct.pack("<II", depth.shape[1], depth.shape[0]) + writer.words()
