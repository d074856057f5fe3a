# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the samples of stage 2 come from: memory, a cache on disk, or pictures read in every step.

A source knows what is to be found in all of its images (`truths`) and gives the samples of batches
in the order in which they are asked for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from itertools import islice, tee
from typing import Protocol

import torch
from torch import Tensor

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.streaming import stream
from psg_ros.training.relations.relation_pictures import PictureSet, read_numbered
from psg_ros.training.relations.relation_samples import (
    FeatureMaker,
    RelationSample,
    RelationTruth,
    network_batch,
    true_sample,
    true_segments,
)

Places = Sequence[tuple[int, int]]
"""(epoch, index into the truths) of each image of a batch."""


SourceBatch = tuple[Sequence[RelationSample], Tensor]
"""Samples, and their features in one tensor."""


class RelationSource(Protocol):
    """Samples of images that have relations, and what these are."""

    @property
    def truths(self) -> Sequence[RelationTruth]:
        """Of all images, as places count them."""
        ...

    def batches(self, wanted: Iterable[Places]) -> Generator[SourceBatch, None, None]:
        """Yield each batch."""
        ...


class KeptSamples:
    """Samples in a sequence: a list in memory, or a cache that reads from disk."""

    def __init__(self, truths: Sequence[RelationTruth], samples: Sequence[RelationSample]) -> None:
        self._places = [i for i, truth in enumerate(truths) if len(truth.triplets)]
        self.truths = [truths[i] for i in self._places]
        self._samples = samples

    def batches(self, wanted: Iterable[Places]) -> Generator[SourceBatch, None, None]:
        for places in wanted:
            samples = [self._samples[self._places[index]] for _, index in places]
            yield samples, torch.stack([sample.features for sample in samples])


class PictureSamples:
    """Samples of pictures that are read, and augmented, whenever they are needed.

    Args:
        maker: turns pictures into features; None gives the pictures themselves.
    """

    def __init__(
        self,
        dataset: PanopticDataset,
        pictures: PictureSet,
        maker: FeatureMaker | None,
        workers: int,
    ) -> None:
        self.truths = [record_truth(dataset, int(index)) for index in pictures.chosen]
        self._pictures, self._maker, self._workers = pictures, maker, workers

    def batches(self, wanted: Iterable[Places]) -> Generator[SourceBatch, None, None]:
        ahead, now = tee(wanted)
        count = len(self.truths)
        numbers = (epoch * count + index for places in ahead for epoch, index in places)
        pictures = stream(self._pictures, numbers, read_numbered, self._workers)
        for places in now:
            batch = list(islice(pictures, len(places)))
            features = network_batch(batch)
            if self._maker is not None:
                features = self._maker.features(features)
            yield (
                [true_sample(picture, features[i]) for i, picture in enumerate(batch)],
                features,
            )


def record_truth(dataset: PanopticDataset, index: int) -> RelationTruth:
    """Return what the annotation file says about an image; no other file is opened."""
    record = dataset.records[index]
    return true_segments(record.image_id, record.labels, record.triplets, record.doubtful_pairs)
