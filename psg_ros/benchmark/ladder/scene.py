# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic segments: random weights find none, so the merge is fed with a known partition.

A weighted Voronoi diagram with log-normal weights: few large and many small regions, as panoptic
pictures have them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WEIGHT_SPREAD = 1.0
SURE_LOGIT = 10.0
"""Inside a mask, its negative outside: sure enough that exactly the partition comes out."""


@dataclass(frozen=True)
class Scene:
    """What a segmenter would say of the partition.

    Attributes:
        class_logits: float32 [query, label + 1]; `num_masks` queries are sure, the others void.
        mask_logits: float32 [query, h, w] over the whole network input, padding included.
    """

    class_logits: np.ndarray
    mask_logits: np.ndarray
    num_masks: int


def partition(
    num_masks: int, rng: np.random.Generator, grid_hw: tuple[int, int] = (160, 160)
) -> np.ndarray:
    """Return int32 [h, w], every element the index of its segment, all `num_masks` visible."""
    row, column = np.mgrid[: grid_hw[0], : grid_hw[1]]
    size_yx = np.array(grid_hw)[:, None, None, None]
    while True:
        center = rng.uniform(0, size_yx, (2, num_masks, 1, 1))
        weight = rng.lognormal(0, WEIGHT_SPREAD, (num_masks, 1, 1))
        distance = np.hypot(row - center[0], column - center[1])
        label_map = (distance / weight).argmin(axis=0).astype(np.int32)
        if len(np.unique(label_map)) == num_masks:
            return label_map


def make_scene(
    num_masks: int,
    *,
    num_queries: int,
    num_labels: int,
    grid_hw: tuple[int, int],
    content_hw: tuple[int, int],
    seed: int,
) -> Scene:
    """Return logits of a partition of the content.

    Args:
        num_labels: without "no object"; masks share labels only if there are more masks, and the
            merge then joins stuff of one label.
        grid_hw: cells of the masks.
        content_hw: cells that the image fills, from the top-left corner.

    Raises:
        ValueError: more masks than queries or labels.
    """
    if num_masks > min(num_queries, num_labels):
        raise ValueError(
            f"{num_masks} masks need as many queries and labels; the network has {num_queries} "
            f"queries and {num_labels} labels"
        )
    rng = np.random.default_rng(seed)
    label_map = partition(num_masks, rng, content_hw)
    queries = rng.permutation(num_queries)[:num_masks]
    class_logits = np.zeros((num_queries, num_labels + 1), np.float32)
    class_logits[:, -1] = SURE_LOGIT
    class_logits[queries, -1] = 0
    class_logits[queries, rng.permutation(num_labels)[:num_masks]] = SURE_LOGIT + np.log(num_labels)
    mask_logits = np.full((num_queries, *grid_hw), -SURE_LOGIT, np.float32)
    inside = label_map == np.arange(num_masks)[:, None, None]
    content = mask_logits[:, : content_hw[0], : content_hw[1]]
    content[queries] = np.where(inside, SURE_LOGIT, -SURE_LOGIT)
    return Scene(class_logits, mask_logits, num_masks)
