# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several data sets of one vocabulary as one, and how often each of its pictures is drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import PanopticDataset


@dataclass(frozen=True)
class MixedDataset(Sequence[AnnotatedImage]):
    """Data sets one behind the other; paths and numbers only, as they are.

    Attributes:
        shares: of the samples, one a data set, relative to each other.
    """

    parts: tuple[PanopticDataset, ...]
    shares: tuple[float, ...]

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> AnnotatedImage:  # type: ignore[override]
        """Return one image; no slices."""
        part = bisect_right(self._ends, index)
        item: AnnotatedImage = self.parts[part][index - self._ends[part] + len(self.parts[part])]
        return item

    @property
    def image_ids(self) -> list[str]:
        """Names of the images, in order."""
        return [name for part in self.parts for name in part.image_ids]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(len, self.parts)))


def drawing_chances(dataset: MixedDataset, balance: float) -> np.ndarray:
    """Return float64 [picture]: the chance of every picture to be the next sample.

    Args:
        balance: pictures with a class that less than this share of the samples show are drawn
            sqrt(balance / share) times as often; the shares of the data sets stay.

    Source: repeat factor sampling, Gupta et al., "LVIS", CVPR 2019.
    """
    shares = np.array(dataset.shares) / sum(dataset.shares)
    labels = [[np.unique(record.labels) for record in part.records] for part in dataset.parts]
    num_labels = 1 + max(
        (int(found.max(initial=0)) for part in labels for found in part), default=0
    )
    seen = np.zeros(num_labels)
    for share, part in zip(shares, labels, strict=True):
        for found in part:
            seen[found] += share / len(part)
    factors = np.sqrt(np.maximum(balance / np.maximum(seen, 1e-12), 1.0))
    chances = []
    for share, part in zip(shares, labels, strict=True):
        wanted = np.array([factors[found].max(initial=1.0) for found in part])
        chances.append(share * wanted / wanted.sum())
    return np.concatenate(chances)
