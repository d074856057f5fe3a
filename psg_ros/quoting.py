# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers and other people's words in our sentences: the words on one line, harmless, and short.

The strings of a message are whatever its sender put there: a megabyte, newlines that look like log
lines of our own, escape sequences that a terminal obeys.
"""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 60
"""Characters shown of a string; no encoding, frame or node has such a long name (our choice)."""


def counted(number: int, thing: str) -> str:
    """Return a number of things in words: 1 picture, 2 pictures, 0 pictures."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(names: Iterable[str]) -> str:
    """Return other people's names as a list in words: a, b; "none" if there is none."""
    return ", ".join(map(plain, names)) or "none"


def quoted(text: str) -> str:
    """Return a string in quotes, with escapes for what cannot be printed; the end may be cut."""
    shown = repr(text[:LONGEST])
    return shown if len(text) <= LONGEST else f"{shown}... ({len(text)} characters)"


def plain(text: str) -> str:
    """Return a name as it is, or `quoted` where it could be mistaken or do harm."""
    ordinary = text.isprintable() and 0 < len(text) <= LONGEST and " " not in text
    return text if ordinary else quoted(text)
