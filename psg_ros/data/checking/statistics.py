# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts over the images of one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psg_ros.data.records import ImageRecord


@dataclass(frozen=True)
class SplitStatistics:
    """Numbers of one split; broken entries are not among them.

    Attributes:
        images: all entries, those without segments or relations included.
        related_images: those with at least one relation.
        images_without_segments: entries whose list of segments is empty.
        relations: triplets as annotated, with duplicates and self relations.
        duplicate_relations: triplets that came before in the same image.
        self_relations: triplets whose subject is their object.
        segments, crowd_segments: over all images.
        predicates: relations of each predicate, in the file's order.
    """

    images: int
    related_images: int
    images_without_segments: int
    relations: int
    duplicate_relations: int
    self_relations: int
    segments: int
    crowd_segments: int
    predicates: tuple[int, ...]

    @property
    def distinct_relations(self) -> int:
        return self.relations - self.duplicate_relations


def count_split(records: Sequence[ImageRecord], num_predicates: int) -> SplitStatistics:
    """Count what the records of one split hold."""
    triplets = [record.triplets for record in records]
    stacked = np.concatenate([*triplets, np.zeros((0, 3), np.int64)])
    distinct = sum(len(np.unique(rows, axis=0)) for rows in triplets if len(rows))
    return SplitStatistics(
        images=len(records),
        related_images=sum(len(rows) > 0 for rows in triplets),
        images_without_segments=sum(not len(record.labels) for record in records),
        relations=len(stacked),
        duplicate_relations=len(stacked) - distinct,
        self_relations=int((stacked[:, 0] == stacked[:, 1]).sum()),
        segments=sum(len(record.labels) for record in records),
        crowd_segments=sum(int(record.is_crowd.sum()) for record in records),
        predicates=tuple(np.bincount(stacked[:, 2], minlength=num_predicates).tolist()),
    )
