# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What class a track is, by vote over the last seconds."""

from __future__ import annotations

import math


class ClassVotes:
    """Votes of the images in which a track was seen; each weighs less as time passes."""

    def __init__(self) -> None:
        self._votes: dict[int, float] = {}
        self._images = 0.0

    def add(self, label: int, score: float, passed: float) -> None:
        """Count what one image says.

        Args:
            score: confidence in the label, 0..1.
            passed: time since the last vote, in time constants: votes from one ago weigh 1 / e.
        """
        kept = math.exp(-passed)
        self._votes = {known: kept * vote for known, vote in self._votes.items()}
        self._images = kept * self._images + 1
        self._votes[label] = self._votes.get(label, 0.0) + score

    @property
    def label(self) -> int:
        """The label with most votes; the older one where two have as many."""
        return max(self._votes, key=self._votes.__getitem__)

    def score(self, label: int) -> float:
        """Return the mean confidence in a label, 0..1; images that said another one count as 0."""
        return self._votes.get(label, 0.0) / self._images

    def share(self, label: int) -> float:
        """Return which part of all votes a label has, 0..1."""
        total = sum(self._votes.values())
        return self._votes.get(label, 0.0) / total if total else float(label == self.label)
