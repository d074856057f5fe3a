# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A data set without some of its names, as if nobody had annotated them.

Segments of such a label are gone: their pixels are void, like all that nobody labelled. Relations
of such a predicate are gone, and so are relations and doubtful pairs with such a segment at an end.
An image that loses all of its segments is left out; one that loses all of its relations stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.records import ImageRecord
from psg_ros.labels import Vocabulary


def without_names(
    dataset: PanopticDataset, labels: Collection[int], predicates: Collection[int]
) -> PanopticDataset:
    """Return a data set without labels and predicates; numbers of the others stay.

    Raises:
        ValueError: no image is left.
    """
    if not labels and not predicates:
        return dataset
    records = []
    for old in dataset.records:
        new = record_without(old, labels, predicates)
        if len(new.labels) or not len(old.labels):
            records.append(new)
    if not records:
        raise ValueError(
            f"{dataset.source}: all segments of its {dataset.split} split are of labels that are "
            "held out"
        )
    taken_out = tuple(sorted({*dataset.held_out_labels, *labels}))
    return replace(dataset, records=tuple(records), held_out_labels=taken_out)


def record_without(
    record: ImageRecord, labels: Collection[int], predicates: Collection[int]
) -> ImageRecord:
    """Return what is known of one image without labels and predicates."""
    kept = ~np.isin(record.labels, list(labels))
    place = np.cumsum(kept) - 1
    triplets = _of_kept(record.triplets, kept, place)
    return replace(
        record,
        segment_ids=record.segment_ids[kept],
        labels=record.labels[kept],
        is_crowd=record.is_crowd[kept],
        triplets=triplets[~np.isin(triplets[:, 2], list(predicates))],
        areas=None if record.areas is None else record.areas[kept],
        scores=None if record.scores is None else record.scores[kept],
        doubtful_pairs=_of_kept(record.doubtful_pairs, kept, place),
    )


def base_of(
    dataset: PanopticDataset,
    vocabulary: Vocabulary,
    labels: Collection[int],
    predicates: Collection[int],
) -> tuple[PanopticDataset, Vocabulary]:
    """Return both without labels and predicates, the others numbered anew in their order.

    For networks that are given the words to choose from: they are to learn among these alone.

    Raises:
        ValueError: no image is left.
    """
    dataset = without_names(dataset, labels, predicates)
    of_label, label_place = _places(vocabulary.num_labels, labels)
    of_predicate, predicate_place = _places(vocabulary.num_predicates, predicates)
    records = tuple(
        replace(
            record,
            labels=label_place[record.labels],
            triplets=np.column_stack(
                (record.triplets[:, :2], predicate_place[record.triplets[:, 2]])
            ),
        )
        for record in dataset.records
    )
    base = Vocabulary(
        tuple(vocabulary.labels[index] for index in of_label),
        tuple(vocabulary.predicates[index] for index in of_predicate),
    )
    return replace(dataset, records=records), base


def _places(count: int, without: Collection[int]) -> tuple[list[int], np.ndarray]:
    """Return which of so many names stay, and int64 [name]: the new number of each of these."""
    kept = [index for index in range(count) if index not in without]
    place = np.full(count, -1, np.int64)
    place[kept] = np.arange(len(kept))
    return kept, place


def _of_kept(rows: np.ndarray, kept: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return rows (subject, object, ...) both of whose ends are kept, with their new places."""
    rows = rows[kept[rows[:, :2]].all(axis=1)]
    return np.column_stack((place[rows[:, :2]], rows[:, 2:]))
