# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The truth about one image, as every data set's loader returns it and the evaluator takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from psg_ros.data.records import no_pairs
from psg_ros.scene_graph import Segmentation


@dataclass(frozen=True)
class AnnotatedImage:
    """One image with its segments and the triplets that people wrote down for it.

    Attributes:
        image_id: the data set's name of the image; a string even where it looks like a number.
        image_path: the image file; it is not opened here.
        segmentation: truth at the size of the image; labels are vocabulary indices. Scores are 1,
            or the trust in labels that a model made.
        triplets: int64 [triplet, 3]; (subject, object, predicate), the first two segment indices.
            Duplicates and self relations stay as annotated. [0, 3] when there are none.
        is_crowd: bool [segment]; the segment covers many things that nobody told apart.
        doubtful_pairs: int64 [pair, 2]; segments of which nobody knows whether they are related.

    Raises:
        ValueError: a wrong dtype or shape, or a triplet that names an absent segment.
    """

    image_id: str
    image_path: Path
    segmentation: Segmentation
    triplets: np.ndarray
    is_crowd: np.ndarray
    doubtful_pairs: np.ndarray = field(default_factory=no_pairs)

    def __post_init__(self) -> None:
        if not isinstance(self.image_id, str):
            raise ValueError(f"image_id must be a str, not {self.image_id!r}")
        self._check_is_crowd()
        self._check_triplets()

    def _check_is_crowd(self) -> None:
        expected = (self.segmentation.num_segments,)
        if self.is_crowd.dtype != bool or self.is_crowd.shape != expected:
            raise ValueError(
                f"image {self.image_id}: is_crowd must be bool {list(expected)}, one per segment, "
                f"not {self.is_crowd.dtype} {list(self.is_crowd.shape)}"
            )

    def _check_triplets(self) -> None:
        triplets, count = self.triplets, self.segmentation.num_segments
        if triplets.dtype != np.int64 or triplets.ndim != 2 or triplets.shape[1] != 3:
            raise ValueError(
                f"image {self.image_id}: triplets must be int64 [triplet, 3], "
                f"not {triplets.dtype} {list(triplets.shape)}"
            )
        ends, predicates = triplets[:, :2], triplets[:, 2]
        wrong = ((ends < 0) | (ends >= count)).any(axis=1) | (predicates < 0)
        if wrong.any():
            raise ValueError(
                f"image {self.image_id}: triplet {triplets[wrong][0].tolist()} "
                f"(subject, object, predicate) must name two of {count} segments "
                "and a predicate from 0 on"
            )
