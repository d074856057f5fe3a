# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which images each batch of stage 2 has."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from psg_ros.training.config import TrainConfig

# So that the order of an epoch and the draws of a batch do not share their random numbers.
ORDER, PAIRS = 1, 2


class BatchPlan:
    """The batches of a run, counted over all epochs; they are those of all processes together.

    What is drawn depends on the seed and the number of the batch alone: a run that was killed goes
    on with the batches it would have seen, and several processes divide those of one.

    Raises:
        ValueError: a process would get no image.
    """

    def __init__(self, config: TrainConfig, num_images: int, num_ranks: int) -> None:
        self._seed, self._num_images, self._num_ranks = config.seed, num_images, num_ranks
        self._epochs = config.relations.epochs
        self.per_epoch = math.ceil(num_images / config.relations.images_per_step)
        smallest = num_images // self.per_epoch
        if smallest < num_ranks:
            what = f"batches of {smallest} images cannot be shared by {num_ranks} processes"
            raise ValueError(f"{what}; choose a larger images_per_step, or fewer processes")

    def __len__(self) -> int:
        return self.per_epoch * self._epochs

    def epoch(self, number: int) -> float:
        """Return how many epochs are over before a batch."""
        return number / self.per_epoch

    def batch(self, number: int) -> list[tuple[int, int]]:
        """Return (epoch, image) of all images of a batch."""
        epoch, step = divmod(number, self.per_epoch)
        order = shuffled(self._seed, epoch, self._num_images)
        return [(epoch, int(image)) for image in order[step :: self.per_epoch]]

    def part(self, size: int, rank: int) -> slice:
        """Return which of `size` images are those of a process; parts differ by one at most."""
        return slice(size * rank // self._num_ranks, size * (rank + 1) // self._num_ranks)

    def rng(self, number: int) -> np.random.Generator:
        """Return what draws the pairs of a batch."""
        return np.random.default_rng((self._seed, number, PAIRS))


@lru_cache(maxsize=2)
def shuffled(seed: int, epoch: int, size: int) -> np.ndarray:
    """Return int64 [size]: the order of the images in one epoch."""
    return np.random.default_rng((seed, epoch, ORDER)).permutation(size)
