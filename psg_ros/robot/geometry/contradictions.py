# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What depth rules out, whatever a relation stage makes of the image.

A picture shows a far cup above a near table as it shows a cup on it. Only what is beyond doubt
counts: boxes in space leave out the back of things and the depth of a camera is some percent off,
so margins are wide, and a segment that was not measured contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.robot.geometry.extents import Extents

HELD_UP_BY = (
    "on", "standing on", "lying on", "sitting on", "parked on", "walking on", "running on",
    "driving on", "riding", "playing on",
)  # fmt: skip
"""All mean "held up by"; geometry sees that much, not which of them it is."""

CONTACT = (*HELD_UP_BY, "in", "attached to", "hanging from", "on back of", "leaning on", "touching")
"""Predicates of things that meet."""

# Boxes of what touches are never farther apart than this, in metres and as a share of the distance.
APART_M, APART_SHARE = 0.3, 0.05

Denial = Callable[[Extents], np.ndarray]
"""Returns bool [subject, object]: what is ruled out."""


def apart(extents: Extents) -> np.ndarray:
    """There is more than air between them."""
    low, high = extents.lower, extents.upper
    between = np.maximum(low[:, None] - high[None, :], low[None, :] - high[:, None])
    gap = np.linalg.norm(np.maximum(between, 0.0), axis=2)
    with np.errstate(invalid="ignore"):
        return np.asarray(gap > APART_M + _tolerance(extents))


def below(extents: Extents) -> np.ndarray:
    """The subject ends lower than the object begins."""
    with np.errstate(invalid="ignore"):
        gap = extents.lower[None, :, 1] - extents.upper[:, None, 1]
        return np.asarray(gap > _tolerance(extents))


def behind(extents: Extents) -> np.ndarray:
    """All of the subject is farther away than all of the object."""
    with np.errstate(invalid="ignore"):
        gap = extents.lower[:, None, 2] - extents.upper[None, :, 2]
        return np.asarray(gap > _tolerance(extents))


DENIALS: dict[str, Denial] = {
    **dict.fromkeys(CONTACT, apart),
    "over": below,
    "in front of": behind,
}


class Contradictions:
    """The denials in the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        names = vocabulary.predicate_names
        self._num_predicates = len(names)
        self._columns: dict[Denial, list[int]] = {}
        for name, denial in DENIALS.items():
            if name in names:
                self._columns.setdefault(denial, []).append(names.index(name))

    def __call__(self, extents: Extents) -> np.ndarray:
        """Return what cannot be, bool [subject, object, predicate]."""
        count = len(extents.distance)
        denied = np.zeros((count, count, self._num_predicates), bool)
        for denial, columns in self._columns.items():
            denied[:, :, columns] = denial(extents)[:, :, None]
        return denied


def _tolerance(extents: Extents) -> np.ndarray:
    """Return float64 [segment, segment], metres by which depth may be off between two segments."""
    return APART_SHARE * np.maximum(extents.distance[:, None], extents.distance)
