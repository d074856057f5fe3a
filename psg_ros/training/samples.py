# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples of stage 1: which picture comes when, read and augmented.

A sample is determined by the seed and its number in the run alone: a resumed run, another process
or a worker makes the same one. No torch: workers import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import read_picture
from psg_ros.training.segmenter.augmentation import AUGMENTATIONS, VOID_BYTE, Sample

# So that order and augmentation of one seed do not share their random numbers.
ORDER, AUGMENTATION = 0, 1


def read_sample(dataset: Sequence[AnnotatedImage], index: int) -> Sample:
    """Decode one image; crowds are void, as nobody told their members apart.

    Raises:
        ValueError: more segments than a byte can count.
    """
    item = dataset[index]
    if item.segmentation.num_segments >= VOID_BYTE:
        raise ValueError(f"image {item.image_id} has more than {VOID_BYTE - 1} segments")
    label_map = item.segmentation.label_map
    void = (label_map < 0) | np.isin(label_map, item.is_crowd.nonzero()[0])
    segments = np.where(void, VOID_BYTE, label_map).astype(np.uint8)
    truth = item.segmentation
    return Sample(read_picture(item), segments, truth.labels, item.image_id, truth.scores)


def load_samples(
    dataset: Sequence[AnnotatedImage], title: str, *, quiet: bool = False
) -> list[Sample]:
    """Decode a whole split into memory (about 0.3 MB an image of 320 x 240)."""
    shown = True if quiet else None
    indices = tqdm(range(len(dataset)), title, unit="image", disable=shown)
    return [read_sample(dataset, index) for index in indices]


@dataclass(frozen=True)
class SampleMaker:
    """Everything that determines the samples of a run.

    Attributes:
        source: decoded samples in a list, or the data set to read them from.
        size_hw: px, of the network's input.
        augmentation: one of `AUGMENTATIONS`.
        scaling: of the model, see `psg_ros.robot.ops.image`.
        chances: float64 [picture], of every picture to be the next one, see `mix.py`; None: every
            picture comes once in each round.
    """

    source: list[Sample] | Sequence[AnnotatedImage]
    size_hw: tuple[int, int]
    augmentation: str
    seed: int
    scaling: str = "area"
    chances: np.ndarray | None = None

    def index(self, number: int) -> int:
        """Return which picture is sample `number`."""
        if self.chances is not None:
            drawn = np.random.default_rng((self.seed, number, ORDER)).random()
            return int(np.searchsorted(self.chances.cumsum(), drawn * self.chances.sum(), "right"))
        epoch, place = divmod(number, len(self.source))
        return int(shuffled(self.seed, epoch, len(self.source))[place])


@lru_cache(maxsize=1)
def shuffled(seed: int, epoch: int, size: int) -> np.ndarray:
    """Return int64 [size]: the order of one round through all pictures."""
    return np.random.default_rng((seed, epoch, ORDER)).permutation(size)


def make_sample(maker: SampleMaker, number: int) -> Sample:
    """Return sample `number` of the run, read if need be, augmented."""
    source, index = maker.source, maker.index(number)
    sample = source[index] if isinstance(source, list) else read_sample(source, index)
    rng = np.random.default_rng((maker.seed, number, AUGMENTATION))
    return AUGMENTATIONS[maker.augmentation](sample, maker.size_hw, rng, maker.scaling)
