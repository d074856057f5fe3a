# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: a picture and its segments -> another one of the same things. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from psg_ros.robot.ops.image import write_content
from psg_ros.training.segmenter.three_augment import blur, grayscale, jitter

VOID_BYTE = 255
NUM_TRIES = 10  # ours: crops of one picture until one shows a segment
BLUR_CHANCE, GRAY_CHANCE = 0.2, 0.05  # ours


@dataclass(frozen=True)
class Sample:
    """One picture with its segments, as small as it can be kept.

    Attributes:
        image: uint8 [height, width, 3], RGB.
        segments: uint8 [height, width]; segment index, or `VOID_BYTE`.
        labels: int64 [segment].
        image_id: the data set's name of the picture.
        scores: float32 [segment]; trust in the label, 0..1; None: all are sure.
    """

    image: np.ndarray
    segments: np.ndarray
    labels: np.ndarray
    image_id: str = ""
    scores: np.ndarray | None = None


def augment(
    sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator, scaling: str = "area"
) -> Sample:
    """Return a flipped, rescaled, cropped and recoloured sample that fits into `size_hw`.

    The picture is scaled to fit times 0.9 to 1.3; what then hangs over is cropped at random.

    Args:
        scaling: recipe, see `psg_ros.robot.ops.image`.
    """
    sample = crop(rescale(sample, size_hw, rng.uniform(0.9, 1.3), scaling), size_hw, rng)
    sample = flip_sometimes(sample, rng)
    return replace(sample, image=recolour(sample.image, rng))


def large_scale_jitter(
    sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator, scaling: str = "area"
) -> Sample:
    """Return a flipped, rescaled and cropped sample that fits into `size_hw`, as EoMT has it.

    The picture is scaled to fit times 0.1 to 2 (Ghiasi et al., 2021). A crop without any segment is
    drawn again.

    Args:
        scaling: recipe, see `psg_ros.robot.ops.image`.
    """
    for _ in range(NUM_TRIES):
        cropped = crop(rescale(sample, size_hw, rng.uniform(0.1, 2.0), scaling), size_hw, rng)
        if (cropped.segments != VOID_BYTE).any():
            break
    return flip_sometimes(cropped, rng)


def photo(
    sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator, scaling: str = "area"
) -> Sample:
    """Return a flipped, rescaled, cropped and recoloured sample that fits into `size_hw`.

    The picture is scaled to fit times 0.5 to 2, mostly near 1; some are blurred, as by motion or a
    cheap lens, or grey. A crop without any segment is drawn again.

    Args:
        scaling: recipe, see `psg_ros.robot.ops.image`.
    """
    for _ in range(NUM_TRIES):
        factor = float(np.exp2(rng.triangular(-1, 0.2, 1)))
        cropped = crop(rescale(sample, size_hw, factor, scaling), size_hw, rng)
        if (cropped.segments != VOID_BYTE).any():
            break
    cropped = flip_sometimes(cropped, rng)
    image = jitter(recolour(cropped.image, rng), rng)
    if rng.random() < BLUR_CHANCE:
        image = blur(image, rng)
    if rng.random() < GRAY_CHANCE:
        image = grayscale(image, rng)
    return replace(cropped, image=image)


Augmentation = Callable[[Sample, tuple[int, int], np.random.Generator, str], Sample]
AUGMENTATIONS: dict[str, Augmentation] = {
    "mild": augment,
    "large_scale_jitter": large_scale_jitter,
    "photo": photo,
}


def rescale(
    sample: Sample, size_hw: tuple[int, int], factor: float, scaling: str = "area"
) -> Sample:
    """Return the sample scaled to fit into `size_hw`, times a factor, in the model's way."""
    height, width = sample.segments.shape
    scale = min(size_hw[0] / height, size_hw[1] / width) * factor
    new_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = np.empty((*new_wh[::-1], 3), np.uint8)
    write_content(np.ascontiguousarray(sample.image), image, scaling)
    # Not INTER_NEAREST: that takes the pixel left above and so shifts shrunk segments.
    segments = cv2.resize(sample.segments, new_wh, interpolation=cv2.INTER_NEAREST_EXACT)
    return replace(sample, image=image, segments=segments)


def crop(sample: Sample, size_hw: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Return a random part of at most `size_hw`."""
    sizes = zip(sample.segments.shape, size_hw, strict=True)
    top, left = (int(rng.integers(max(have - want, 0) + 1)) for have, want in sizes)
    window = (slice(top, top + size_hw[0]), slice(left, left + size_hw[1]))
    return replace(sample, image=sample.image[window], segments=sample.segments[window])


def flip_sometimes(sample: Sample, rng: np.random.Generator) -> Sample:
    """Return the sample as it is or mirrored, with equal chances; its arrays are contiguous."""
    image, segments = sample.image, sample.segments
    if rng.random() < 0.5:
        image, segments = image[:, ::-1], segments[:, ::-1]
    image, segments = np.ascontiguousarray(image), np.ascontiguousarray(segments)
    return replace(sample, image=image, segments=segments)


def recolour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with contrast, brightness and channel gains changed by up to a quarter."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.93, 1.07, 3)
    offset = rng.uniform(-20, 20)
    levels = np.arange(256)[:, None] * gain + offset
    table = levels.clip(0, 255).astype(np.uint8)
    return np.stack([table[:, c][image[..., c]] for c in range(3)], axis=-1)
