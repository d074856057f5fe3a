# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How steady identities are over the images of a clip: of nodes, and of relations between them.

A key is whatever names one thing throughout a clip: the number of a node, or a triplet of numbers
and predicate. Everything here works on keys alone, so nodes and relations are judged alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import linear_sum_assignment

Key = Hashable


@dataclass(frozen=True)
class Sightings:
    """What is in one image.

    Attributes:
        truth, predicted: keys.
        matches: truth key -> the predicted key that is the same thing in this image.
    """

    truth: frozenset[Key]
    predicted: frozenset[Key]
    matches: Mapping[Key, Key]


@dataclass(frozen=True)
class Steadiness:
    """Counts of one clip; those of several are added with `+`.

    Attributes:
        truth, predicted, matched: sightings over all images.
        identity_matched: sightings that agree under the best one-to-one pairing of keys (IDTP).
        association: sum over matched sightings of how much of the two tracks agrees, each 0..1.
        switches: images in which a true thing goes by another key than when it was last found.
        truth_keys, predicted_keys: distinct ones.
        truth_changes, predicted_changes: keys that appear or go from one image to the next.
        steps: pairs of successive images.
    """

    truth: int = 0
    predicted: int = 0
    matched: int = 0
    identity_matched: int = 0
    association: float = 0.0
    switches: int = 0
    truth_keys: int = 0
    predicted_keys: int = 0
    truth_changes: int = 0
    predicted_changes: int = 0
    steps: int = 0

    def __add__(self, other: Steadiness) -> Steadiness:
        names = [field.name for field in fields(self)]
        return Steadiness(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def idf1(self) -> float:
        """IDF1 in 0..1: share of sightings whose key is right throughout the clip."""
        return 2 * self.identity_matched / max(self.truth + self.predicted, 1)

    @property
    def hota(self) -> float:
        """HOTA in 0..1, for the one rule of matching by which the sightings were made."""
        detection = self.matched / max(self.truth + self.predicted - self.matched, 1)
        return float(np.sqrt(detection * self.association / max(self.matched, 1)))


def measure_steadiness(images: Sequence[Sightings]) -> Steadiness:
    """Count over the images of one clip, in their order."""
    truth = Counter(key for image in images for key in image.truth)
    predicted = Counter(key for image in images for key in image.predicted)
    pairs = Counter(pair for image in images for pair in image.matches.items())
    association = sum(n * n / (truth[t] + predicted[p] - n) for (t, p), n in pairs.items())
    return Steadiness(
        truth=truth.total(),
        predicted=predicted.total(),
        matched=pairs.total(),
        identity_matched=_best_pairing(pairs),
        association=association,
        switches=_count_switches(images),
        truth_keys=len(truth),
        predicted_keys=len(predicted),
        truth_changes=_count_changes([image.truth for image in images]),
        predicted_changes=_count_changes([image.predicted for image in images]),
        steps=max(len(images) - 1, 0),
    )


def onset_delays(images: Sequence[Sightings], others: Sequence[Sightings]) -> list[int]:
    """Return by how many images later `images` find a true thing than `others` do, one per thing.

    Both are of the same clip. Things that either never finds are left out.
    """
    first, second = _first_matches(images), _first_matches(others)
    return [first[key] - second[key] for key in first if key in second]


def _best_pairing(pairs: Mapping[tuple[Key, Key], int]) -> int:
    """Return the most sightings that agree when each key is paired with at most one other."""
    rows = {key: row for row, key in enumerate(dict.fromkeys(t for t, _ in pairs))}
    cols = {key: col for col, key in enumerate(dict.fromkeys(p for _, p in pairs))}
    table = np.zeros((len(rows), len(cols)), np.int64)
    for (true_key, predicted_key), number in pairs.items():
        table[rows[true_key], cols[predicted_key]] = number
    return int(table[linear_sum_assignment(table, maximize=True)].sum())


def _count_switches(images: Sequence[Sightings]) -> int:
    last: dict[Key, Key] = {}
    switches = 0
    for image in images:
        switches += sum(last.get(true_key, key) != key for true_key, key in image.matches.items())
        last.update(image.matches)
    return switches


def _count_changes(keys: Sequence[frozenset[Key]]) -> int:
    return sum(len(old ^ new) for old, new in zip(keys[:-1], keys[1:], strict=True))


def _first_matches(images: Sequence[Sightings]) -> dict[Key, int]:
    first: dict[Key, int] = {}
    for place, image in enumerate(images):
        for key in image.matches:
            first.setdefault(key, place)
    return first
