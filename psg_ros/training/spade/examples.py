# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 2 learns from: features of the frozen UNet, which do not change, and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import read_picture
from psg_ros.network.spade.frozen import FrozenModels

KEPT_IMAGES = 500
"""Of so many the features stay in memory: 5 GB at the published sizes (our choice)."""


@dataclass(frozen=True)
class SpadeExample:
    """One image.

    Attributes:
        features: of `FrozenModels.features`, coarsest first.
        image_hw: of the image [px].
        masks: 0 or 1 over the whole image.
        labels: indices of object words.
        triplets: (subject, object, predicate), each once, none of a segment with itself.
    """

    features: list[Tensor]
    image_hw: tuple[int, int]
    masks: Float[Tensor, "segment h w"]
    labels: Int[Tensor, " segment"]
    triplets: Int[Tensor, "triplet 3"]


def make_example(models: FrozenModels, image: np.ndarray, truth: AnnotatedImage) -> SpadeExample:
    """Return what stage 2 learns from an image.

    Args:
        image: uint8 [height, width, 3], RGB.
    """
    segmentation = truth.segmentation
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    label_map = torch.from_numpy(segmentation.label_map)
    segments = torch.arange(segmentation.num_segments)
    triplets = np.unique(truth.triplets, axis=0)
    return SpadeExample(
        models.features(pixels),
        segmentation.image_hw,
        (label_map == segments[:, None, None]).float(),
        torch.from_numpy(segmentation.labels),
        torch.from_numpy(triplets[triplets[:, 0] != triplets[:, 1]]),
    )


class Examples(Sequence[SpadeExample]):
    """The examples of a data set. Those of the first images are computed once, others each time."""

    def __init__(
        self, models: FrozenModels, images: Sequence[AnnotatedImage], kept: int = KEPT_IMAGES
    ) -> None:
        self._models, self._images, self._kept = models, images, kept
        self._known: dict[int, SpadeExample] = {}

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: Any) -> Any:
        """Return one example.

        Raises:
            FileNotFoundError, ValueError: its files are missing or broken.
        """
        if index in self._known:
            return self._known[index]
        truth = self._images[index]
        example = make_example(self._models, read_picture(truth), truth)
        if index < self._kept:
            self._known[index] = example
        return example
