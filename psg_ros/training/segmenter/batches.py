# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of stage 1, made ahead of their use; what they hold depends on the seed alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain, count, islice
from typing import NamedTuple, cast

import numpy as np
import torch
from torch.nn import functional

from psg_ros.data.streaming import stream
from psg_ros.robot.ops.image import padding_rgb
from psg_ros.training.losses import SegmentTargets
from psg_ros.training.samples import SampleMaker, make_sample
from psg_ros.training.segmenter.augmentation import VOID_BYTE, Sample


class Batch(NamedTuple):
    """Images uint8 [image, 3, h, w], RGB, padded right and below; their truth and their names."""

    images: torch.Tensor
    targets: list[SegmentTargets]
    image_ids: list[str]


class Grids(NamedTuple):
    """How truth is made of segments.

    Attributes:
        stride: px, of the network's mask grid.
        min_segment_px: smaller remains of segments are void.
        whole: give masks at the size of the picture, not on the mask grid.
    """

    stride: int
    min_segment_px: int
    whole: bool = False


def pad_image(image: np.ndarray, size_hw: tuple[int, int], scaling: str = "area") -> np.ndarray:
    """Return uint8 [h, w, 3] padded right and bottom, in the colour that the model will see there.

    Args:
        scaling: recipe, see `psg_ros.robot.ops.image`.
    """
    padded = np.tile(np.array(padding_rgb(scaling), np.uint8), (*size_hw, 1))
    padded[: image.shape[0], : image.shape[1]] = image
    return padded


def targets_of(sample: Sample, size_hw: tuple[int, int], grids: Grids) -> SegmentTargets:
    """Return the truth of a padded sample."""
    segments = torch.full(size_hw, VOID_BYTE, dtype=torch.uint8)
    height, width = sample.segments.shape
    segments[:height, :width] = torch.from_numpy(sample.segments)
    areas = torch.bincount(segments.flatten().int(), minlength=VOID_BYTE + 1)[:VOID_BYTE]
    kept = (areas >= grids.min_segment_px).nonzero().flatten()
    masks = segments[None] == kept[:, None, None]
    shares = functional.avg_pool2d(masks[:, None].float(), grids.stride)[:, 0]
    labels = torch.from_numpy(sample.labels)[kept]
    scores = torch.ones(len(kept))
    if sample.scores is not None:
        scores = torch.from_numpy(sample.scores)[kept]
    semantic = torch.full(shares.shape[1:], -1, dtype=torch.int64)
    cell_scores = torch.ones(shares.shape[1:])
    if len(kept):
        best, winner = shares.max(dim=0)
        semantic = torch.where(best > 0.5, labels[winner], semantic)
        cell_scores = scores[winner]
    masks = masks.byte() if grids.whole else shares
    return SegmentTargets(labels, masks, semantic, scores, cell_scores)


class BatchStream:
    """Endless augmented batches, made ahead in a thread, and in worker processes where asked for.

    Args:
        maker: with decoded samples, or with a data set that `workers` processes read.
        batch_size: images of a step over all ranks.
        part: which images of a batch are wanted here; all by default.
        start: number of the run's first sample that is wanted.

    Iterating raises what went wrong while a batch was made. Call `close` when done.
    """

    def __init__(
        self,
        maker: SampleMaker,
        grids: Grids,
        batch_size: int,
        *,
        part: slice = slice(None),
        start: int = 0,
        workers: int = 0,
    ) -> None:
        self._maker, self._grids = maker, grids
        self._batch_size, self._part = batch_size, part
        self._start, self._workers = start, workers
        self._queue: queue.Queue[Batch | Exception] = queue.Queue(maxsize=2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batch = self._queue.get()
            if isinstance(batch, Exception):
                raise batch
            yield batch

    def close(self) -> None:
        """Stop making batches and wait for the thread, and the workers, to end."""
        self._stop.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._thread.join()

    def _fill(self) -> None:
        try:
            with closing(self._samples()) as samples:
                while not self._stop.is_set():
                    self._put(self._collate(list(islice(samples, self._part_size))))
        except Exception as error:  # handed to the consumer, who raises it
            self._put(error)

    def _put(self, batch: Batch | Exception) -> None:
        while not self._stop.is_set():
            try:
                return self._queue.put(batch, timeout=0.2)
            except queue.Full:
                continue

    @property
    def _part_size(self) -> int:
        return len(range(self._batch_size)[self._part])

    def _samples(self) -> Generator[Sample]:
        starts = count(self._start, self._batch_size)
        batches = (range(start, start + self._batch_size) for start in starts)
        numbers = chain.from_iterable(batch[self._part] for batch in batches)
        workers = 0 if isinstance(self._maker.source, list) else self._workers
        prefetch = max(16, 2 * self._part_size)
        samples = stream(self._maker, numbers, make_sample, workers=workers, prefetch=prefetch)
        return cast("Generator[Sample]", samples)

    def _collate(self, samples: list[Sample]) -> Batch:
        size_hw, scaling = self._maker.size_hw, self._maker.scaling
        images = np.stack([pad_image(sample.image, size_hw, scaling) for sample in samples])
        targets = [targets_of(sample, size_hw, self._grids) for sample in samples]
        image_ids = [sample.image_id for sample in samples]
        return Batch(torch.from_numpy(images).permute(0, 3, 1, 2), targets, image_ids)
