# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damage to valid files, as disks, cables, crashed programs and hostile people do it."""

from __future__ import annotations

import random
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes], bytes]

LENGTHS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers at which programs count wrongly."""

WORDS = (
    b"null", b"NaN", b"1e999", b"-1", b"[]", b"{}", b'""', b"true", b"\xff\xfe", b"../x", b"\0",
)  # fmt: skip
"""What stands in text in place of something else."""


def mutated(seed: int, content: bytes) -> bytes:
    """Return the content with one to three kinds of damage; the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(MUTATIONS)(rng, content)
    return content


def flip_bits(rng: random.Random, content: bytes) -> bytes:
    """Flip one to sixteen bits."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 16) if damaged else 0):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def flip_early(rng: random.Random, content: bytes) -> bytes:
    """Flip bits in the first 512 bytes, where headers are."""
    head = content[:512]
    return flip_bits(rng, head) + content[len(head) :]


def cut(rng: random.Random, content: bytes) -> bytes:
    """Cut the end off."""
    return content[: rng.randrange(len(content) + 1)]


def cut_and_fill(rng: random.Random, content: bytes) -> bytes:
    """Replace the end by zeros, as a crashed disk does."""
    kept = cut(rng, content)
    return kept + bytes(len(content) - len(kept))


def blank(rng: random.Random, content: bytes) -> bytes:
    """Write one byte over a stretch."""
    start = rng.randrange(len(content) + 1)
    length = min(rng.choice((1, 16, 512, 4096)), len(content) - start)
    byte = bytes([rng.choice((0, 0xFF, 0x41))])
    return content[:start] + byte * length + content[start + length :]


def remove(rng: random.Random, content: bytes) -> bytes:
    """Take a stretch out."""
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.choice((1, 4, 64, 1024)) :]


def repeat(rng: random.Random, content: bytes) -> bytes:
    """Put a stretch in twice."""
    start = rng.randrange(len(content) + 1)
    stretch = content[start : start + rng.choice((1, 4, 64, 1024))]
    return content[:start] + stretch + content[start:]


def exchange_number(rng: random.Random, content: bytes) -> bytes:
    """Write a dangerous number over two or four bytes, in either byte order."""
    size, order = rng.choice((2, 4)), rng.choice(("little", "big"))
    start = rng.randrange(max(1, min(len(content), rng.choice((64, 1024, 1 << 30)))))
    number = (rng.choice(LENGTHS) % (1 << 8 * size)).to_bytes(size, order)
    return content[:start] + number + content[start + size :]


def exchange_word(rng: random.Random, content: bytes) -> bytes:
    """Put a surprising word in place of a few bytes."""
    start = rng.randrange(len(content) + 1)
    return content[:start] + rng.choice(WORDS) + content[start + rng.randint(0, 8) :]


def append(rng: random.Random, content: bytes) -> bytes:
    """Add rubbish at the end."""
    return content + rng.randbytes(rng.choice((1, 100, 5000)))


def replace_all(rng: random.Random, content: bytes) -> bytes:
    """Keep the first bytes, by which a file is known, and nothing else."""
    return content[: rng.choice((0, 4, 16, 64))] + rng.randbytes(rng.choice((0, 10, 2000)))


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, flip_early, cut, cut_and_fill, blank, remove, repeat, exchange_number,
    exchange_word, append, replace_all,
)  # fmt: skip
