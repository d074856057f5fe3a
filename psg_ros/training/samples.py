# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples of stage 1: decoded once, kept as bytes, augmented on the way into a batch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from psg_ros.data.psg import PsgDataset, read_rgb
from psg_ros.training.losses import SegmentTargets

VOID_BYTE = 255


@dataclass(frozen=True)
class Sample:
    """One picture with its segments, as small as it can be kept.

    Attributes:
        image: uint8 [height, width, 3], RGB.
        segments: uint8 [height, width]; segment index, or `VOID_BYTE`.
        labels: int64 [segment].
    """

    image: np.ndarray
    segments: np.ndarray
    labels: np.ndarray


def load_samples(dataset: PsgDataset, title: str) -> list[Sample]:
    """Decode a whole split into memory (about 0.3 MB an image of 320 x 240)."""
    samples = []
    for item in tqdm(dataset, title, unit="image", disable=None):
        label_map = item.segmentation.label_map
        if item.segmentation.num_segments >= VOID_BYTE:
            raise ValueError(f"image {item.image_id} has more than {VOID_BYTE - 1} segments")
        segments = np.where(label_map < 0, VOID_BYTE, label_map).astype(np.uint8)
        samples.append(Sample(read_rgb(item.image_path), segments, item.segmentation.labels))
    return samples


def augment(sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Return a flipped, rescaled, cropped and recoloured sample that fits into `size_hw`.

    The picture is scaled to fit times 0.9 to 1.3; what then hangs over is cropped at random.
    """
    height, width = sample.segments.shape
    scale = min(size_hw[0] / height, size_hw[1] / width) * rng.uniform(0.9, 1.3)
    new_hw = (max(1, round(height * scale)), max(1, round(width * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(sample.image, new_hw[::-1], interpolation=interpolation)
    # Not INTER_NEAREST: that takes the pixel left above and so shifts shrunk segments.
    segments = cv2.resize(sample.segments, new_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    top, left = (int(rng.integers(max(n - s, 0) + 1)) for n, s in zip(new_hw, size_hw, strict=True))
    window = (slice(top, top + size_hw[0]), slice(left, left + size_hw[1]))
    image, segments = image[window], segments[window]
    if rng.random() < 0.5:
        image, segments = image[:, ::-1], segments[:, ::-1]
    return Sample(recolour(image, rng), np.ascontiguousarray(segments), sample.labels)


def recolour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with contrast, brightness and channel gains changed by up to a quarter."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.93, 1.07, 3)
    offset = rng.uniform(-20, 20)
    levels = np.arange(256)[:, None] * gain + offset
    table = levels.clip(0, 255).astype(np.uint8)
    return np.stack([table[:, c][image[..., c]] for c in range(3)], axis=-1)


def pad_image(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Return uint8 [h, w, 3] padded with zeros right and bottom."""
    padded = np.zeros((*size_hw, 3), np.uint8)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded


def targets_of(
    sample: Sample, size_hw: tuple[int, int], stride: int, min_segment_px: int
) -> SegmentTargets:
    """Return the truth of a padded sample on the mask grid; small remains of segments are void."""
    segments = torch.full(size_hw, VOID_BYTE, dtype=torch.uint8)
    height, width = sample.segments.shape
    segments[:height, :width] = torch.from_numpy(sample.segments)
    areas = torch.bincount(segments.flatten().int(), minlength=VOID_BYTE + 1)[:VOID_BYTE]
    kept = (areas >= min_segment_px).nonzero().flatten()
    masks = (segments[None] == kept[:, None, None]).float()
    shares = functional.avg_pool2d(masks[:, None], stride)[:, 0]
    labels = torch.from_numpy(sample.labels)[kept]
    semantic = torch.full(shares.shape[1:], -1, dtype=torch.int64)
    if len(kept):
        best, winner = shares.max(dim=0)
        semantic = torch.where(best > 0.5, labels[winner], semantic)
    return SegmentTargets(labels, shares, semantic)


Batch = tuple[torch.Tensor, list[SegmentTargets]]


class BatchStream:
    """Endless augmented batches, made one ahead in a thread; the order depends on the seed alone.

    Args:
        size_hw, stride, min_segment_px: see `augment` and `targets_of`.
        start: number of batches to leave out, for a resumed run.

    Iterating raises what went wrong while a batch was made. Call `close` when done.
    """

    def __init__(
        self,
        samples: list[Sample],
        size_hw: tuple[int, int],
        batch_size: int,
        *,
        stride: int,
        min_segment_px: int,
        seed: int,
        start: int = 0,
    ) -> None:
        self._samples, self._size_hw, self._batch_size = samples, size_hw, batch_size
        self._stride, self._min_segment_px = stride, min_segment_px
        self._seed, self._next = seed, start
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
        """Stop making batches and wait for the thread to end."""
        self._stop.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._thread.join()

    def _fill(self) -> None:
        while not self._stop.is_set():
            try:
                batch: Batch | Exception = self._make(self._next)
            except Exception as error:  # handed to the consumer, who raises it
                batch = error
            self._next += 1
            self._put(batch)

    def _put(self, batch: Batch | Exception) -> None:
        while not self._stop.is_set():
            try:
                return self._queue.put(batch, timeout=0.2)
            except queue.Full:
                continue

    def _make(self, number: int) -> Batch:
        # Every batch has a generator of its own, so a resumed run sees the same pictures.
        rng = np.random.default_rng((self._seed, number))
        chosen = rng.choice(len(self._samples), self._batch_size, replace=False)
        samples = [augment(self._samples[i], self._size_hw, rng) for i in chosen]
        images = np.stack([pad_image(s.image, self._size_hw) for s in samples])
        facts = (self._size_hw, self._stride, self._min_segment_px)
        targets = [targets_of(sample, *facts) for sample in samples]
        return torch.from_numpy(images).permute(0, 3, 1, 2), targets
