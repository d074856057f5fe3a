# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which names of a vocabulary are novel: held out of a training to see what words alone can do.

Fixed by the names alone, for any vocabulary: no data, no random numbers, no annotation counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from psg_ros.labels import phrase

SPLIT = "psg_ros/v1/"
"""In front of every name that is hashed; another one gives another split."""
NOVEL_SHARE = 0.3
"""Of names, as in OpenPSG and OvSGTR; 40 of PSG's 133 labels, 17 of its 56 predicates."""

HELD_OUT = ("none", "novel")
"""What a training may leave out of a list of names."""


def held_out(choice: str, names: Sequence[str]) -> tuple[int, ...]:
    """Return the places of the names that a training leaves out, ascending.

    Args:
        choice: one of `HELD_OUT`.
    """
    return novel_indices(names) if choice == "novel" else ()


def novel_indices(names: Sequence[str]) -> tuple[int, ...]:
    """Return the places of the novel names, ascending: the first 30 % by their hashes."""
    order = sorted(range(len(names)), key=lambda place: name_hash(names[place]))
    return tuple(sorted(order[: round(NOVEL_SHARE * len(names))]))


def name_hash(name: str) -> str:
    """Return what decides about a name: hexadecimal SHA-256 of it as people say it."""
    return hashlib.sha256(f"{SPLIT}{phrase(name)}".encode()).hexdigest()
