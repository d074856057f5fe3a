# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Do scores mean what they say? Of what is scored 0.7, are seven in ten right?

Reliability diagram and expected calibration error after Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017: equal bins over [0, 1], sums only, so that images add up. Brier score
after Brier, "Verification of Forecasts Expressed in Terms of Probability", 1950.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NUM_BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Sums per bin of a score; adding two joins their images.

    Attributes:
        others: int64 [bin]; what nobody annotated, so that nobody knows whether it is right.
        judged: int64 [bin]; what can be right or wrong.
        right: int64 [bin]; the part of `judged` that is right.
        total: float64 [bin]; sum of the scores of `judged`.
        squares: float64 [bin]; sum of (score - outcome)² of `judged`, an outcome being 1 or 0.
    """

    others: np.ndarray
    judged: np.ndarray
    right: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(
        cls, scores: np.ndarray, is_judged: np.ndarray, is_right: np.ndarray, bins: int = NUM_BINS
    ) -> Reliability:
        """Sort scores float64 [item] in [0, 1] into bins; a 1 belongs to the last one."""
        place = np.minimum((scores * bins).astype(np.int64), bins - 1)
        judged, sure = place[is_judged], scores[is_judged]
        return cls(
            others=np.bincount(place[~is_judged], minlength=bins),
            judged=np.bincount(judged, minlength=bins),
            right=np.bincount(place[is_judged & is_right], minlength=bins),
            total=np.bincount(judged, weights=sure, minlength=bins),
            squares=np.bincount(judged, weights=(sure - is_right[is_judged]) ** 2, minlength=bins),
        )

    @classmethod
    def of_judged(
        cls, scores: np.ndarray, is_right: np.ndarray, bins: int = NUM_BINS
    ) -> Reliability:
        """As `of` where everything can be right or wrong, as listed relations can."""
        return cls.of(scores, np.ones(len(scores), bool), is_right, bins)

    @classmethod
    def empty(cls, bins: int = NUM_BINS) -> Reliability:
        """Return the counts of nothing."""
        nothing = np.zeros(0)
        return cls.of(nothing, nothing.astype(bool), nothing.astype(bool), bins)

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(
            self.others + other.others,
            self.judged + other.judged,
            self.right + other.right,
            self.total + other.total,
            self.squares + other.squares,
        )

    @property
    def mean_score(self) -> np.ndarray:
        """Float64 [bin] in [0, 1]: mean score of what is judged; NaN in an empty bin."""
        return self._share(self.total)

    @property
    def share_right(self) -> np.ndarray:
        """Float64 [bin] in [0, 1]: how much of what is judged is right; NaN if empty."""
        return self._share(self.right)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error in [0, 1]; NaN if nothing is judged."""
        return self._mean(np.abs(self.right - self.total))

    @property
    def brier(self) -> float:
        """Brier score in [0, 1]: mean squared difference of score and outcome; NaN if nothing."""
        return self._mean(self.squares)

    def _mean(self, sums: np.ndarray) -> float:
        count = self.judged.sum()
        return float(sums.sum() / count) if count else float("nan")

    def _share(self, part: np.ndarray) -> np.ndarray:
        missing = np.full(len(part), np.nan)
        return np.divide(part, self.judged, out=missing, where=self.judged > 0)
