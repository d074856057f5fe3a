# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every row of the ladder gets: the same picture and the same segments. Needs no torch."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from psg_ros.benchmark.ladder.scene import Scene, make_scene
from psg_ros.benchmark.ladder.settings import LadderSettings
from psg_ros.labels import Vocabulary, find_vocabulary
from psg_ros.pictures.picture_file import read_image
from psg_ros.robot.ops.image import place


def read_picture(settings: LadderSettings) -> np.ndarray:
    """Return the picture uint8 [height, width, 3] RGB; random pixels without a file."""
    if settings.image:
        return read_image(Path(settings.image))
    rng = np.random.default_rng(settings.seed)
    return rng.integers(0, 256, (*settings.size_hw, 3), np.uint8)


def read_vocabulary(settings: LadderSettings) -> Vocabulary:
    """Return labels and predicates."""
    return find_vocabulary(settings.labels)


def build_scene(
    settings: LadderSettings, vocabulary: Vocabulary, image_hw: tuple[int, int]
) -> Scene | None:
    """Return the segments of a picture of this size; None where a trained network finds its own."""
    if settings.weights is not None:
        return None
    config = settings.model_config
    stride = config.segmenter.mask_stride
    placement = place(image_hw, config.segmenter.input_hw, config.scaling)
    height, width = (size // stride for size in config.segmenter.input_hw)
    content_h, content_w = (math.ceil(size / stride) for size in placement.content_hw)
    return make_scene(
        settings.masks,
        num_queries=config.segmenter.num_queries,
        num_labels=vocabulary.num_labels,
        grid_hw=(height, width),
        content_hw=(content_h, content_w),
        seed=settings.seed,
    )


def check_masks(found: int, settings: LadderSettings) -> None:
    """Raise unless a frame had the segments that it should have.

    Raises:
        RuntimeError: segments of the partition were lost, or a trained network found no pair.
    """
    if settings.weights is None and found != settings.masks:
        raise RuntimeError(
            f"the merge kept {found} of {settings.masks} segments; take a larger picture or fewer "
            "masks"
        )
    if found < 2:
        raise RuntimeError(f"the network found {found} segments in the picture: no pair to score")
