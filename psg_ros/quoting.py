# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's words in our sentences: on one line, harmless to a terminal, and short.

The strings of a message are whatever its sender put there: a megabyte, newlines that look like log
lines of our own, escape sequences that a terminal obeys.
"""

from __future__ import annotations

LONGEST = 60
"""Characters shown of a string; no encoding, frame or node has such a long name (our choice)."""


def quoted(text: str) -> str:
    """Return a string in quotes, with escapes for what cannot be printed; the end may be cut."""
    shown = repr(text[:LONGEST])
    return shown if len(text) <= LONGEST else f"{shown}... ({len(text)} characters)"


def plain(text: str) -> str:
    """Return a name as it is, or `quoted` where it could be mistaken or do harm."""
    ordinary = text.isprintable() and 0 < len(text) <= LONGEST and " " not in text
    return text if ordinary else quoted(text)
