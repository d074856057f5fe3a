# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Entries of an annotation file -> checked records: small arrays in place of JSON's objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.data.annotation_file import Entry

MAX_SEGMENT_ID = (1 << 24) - 1


def no_pairs() -> np.ndarray:
    """Return int64 [0, 2]."""
    return np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class ImageRecord:
    """What the annotation file says about one image; no file of it was opened.

    Attributes:
        image_id: the data set's name of the image.
        image_file, panoptic_file: relative to the folders of the data set.
        image_hw: px.
        segment_ids: int64 [segment]; pixel values of the panoptic PNG.
        labels: int64 [segment]; of the vocabulary.
        is_crowd: bool [segment].
        triplets: int64 [triplet, 3]; (subject, object, predicate) as annotated.
        areas: float64 [segment]; px as the entry states, NaN where it does not; None if nowhere.
        scores: float32 [segment]; trust in the label, 0..1; None if the entry states it nowhere,
            as where people made the labels.
        doubtful_pairs: int64 [pair, 2]; segments of which nobody knows whether they are related.
    """

    image_id: str
    image_file: str
    panoptic_file: str
    image_hw: tuple[int, int]
    segment_ids: np.ndarray
    labels: np.ndarray
    is_crowd: np.ndarray
    triplets: np.ndarray
    areas: np.ndarray | None = None
    scores: np.ndarray | None = None
    doubtful_pairs: np.ndarray = field(default_factory=no_pairs)


@dataclass(frozen=True)
class BrokenImage:
    """An image that cannot be used, and why."""

    image_id: str
    reason: str

    def __str__(self) -> str:
        return f"image {self.image_id}: {self.reason}"


def parse_entries(
    entries: Iterable[Entry], labels: dict[int, int], predicates: list[int]
) -> tuple[list[ImageRecord], list[BrokenImage]]:
    """Return the records of the sound entries, in order, and the others."""
    records, broken = [], []
    for entry in entries:
        try:
            records.append(parse_entry(entry, labels, predicates))
        except ValueError as error:
            broken.append(BrokenImage(str(entry["image_id"]), str(error)))
    return records, broken


def sound_records(
    path: Path, entries: Iterable[Entry], labels: dict[int, int], predicates: list[int]
) -> list[ImageRecord]:
    """Return the records of all entries.

    Raises:
        ValueError: an entry is broken; names the file and the image.
    """
    records, broken = parse_entries(entries, labels, predicates)
    if broken:
        raise ValueError(f"{broken[0]} ({path}); `psg dataset check` lists all that is wrong")
    return records


def parse_entry(entry: Entry, labels: dict[int, int], predicates: list[int]) -> ImageRecord:
    """Return the record of one entry.

    Args:
        labels: category id of the file -> label of the vocabulary.
        predicates: predicate of the vocabulary for every predicate of the file.

    Raises:
        ValueError: a key is missing, a value of a wrong type or out of range.
    """
    try:
        infos = entry["segments_info"]
        height, width = index(entry["height"]), index(entry["width"])
        segment_ids = [index(info["id"]) for info in infos]
        categories = [index(info["category_id"]) for info in infos]
        is_crowd = np.array([index(info.get("iscrowd") or 0) for info in infos], bool)
        relations = [tuple(map(index, relation)) for relation in entry["relations"]]
        doubtful = [tuple(map(index, pair)) for pair in entry.get("doubtful_pairs", [])]
        areas, scores = _areas(infos), _scores(infos)
        num_boxes = len(entry["annotations"]) if "annotations" in entry else len(infos)
        files = (str(entry["file_name"]), str(entry["pan_seg_file_name"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the entry is not in the data set's layout: {error!r}") from error
    _check_segments(segment_ids, categories, labels)
    _check_relations(relations, len(segment_ids), len(predicates))
    _check_pairs(doubtful, len(segment_ids))
    if num_boxes != len(infos):
        raise ValueError(
            f"{num_boxes} annotations for {len(infos)} segments_info; relations count on one each"
        )
    if min(height, width) < 1:
        raise ValueError(f"height and width must be 1 or more, not {height} and {width}")
    triplets = np.array(relations, np.int64).reshape(-1, 3)
    triplets[:, 2] = np.array(predicates, np.int64)[triplets[:, 2]]
    return ImageRecord(
        str(entry["image_id"]),
        *files,
        (height, width),
        np.array(segment_ids, np.int64),
        np.array([labels[category] for category in categories], np.int64),
        is_crowd,
        triplets,
        areas,
        scores,
        np.array(doubtful, np.int64).reshape(-1, 2),
    )


def annotations_sha256(records: Iterable[ImageRecord]) -> str:
    """Return one digest of what the records say, whatever their order; names of files apart.

    Returns:
        SHA-256 as hexadecimal text.
    """
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record.image_id):
        arrays = (record.segment_ids, record.labels, record.is_crowd, record.triplets)
        areas = None if record.areas is None else record.areas.tolist()
        said = [record.image_id, record.image_hw, *(array.tolist() for array in arrays), areas]
        if len(record.doubtful_pairs):
            said.append(record.doubtful_pairs.tolist())
        digest.update(json.dumps(said).encode())
    return digest.hexdigest()


def _areas(infos: list[dict[str, Any]]) -> np.ndarray | None:
    stated = [info.get("area") for info in infos]
    odd = [area for area in stated if not isinstance(area, (int, float, type(None)))]
    if odd:
        raise ValueError(f"area must be a number of px, not {odd[0]!r}")
    if all(area is None for area in stated):
        return None
    return np.array([np.nan if area is None else area for area in stated], np.float64)


def _scores(infos: list[dict[str, Any]]) -> np.ndarray | None:
    stated = [info.get("score", 1.0) for info in infos]
    odd = [s for s in stated if not isinstance(s, (int, float)) or not 0 <= s <= 1]
    if odd:
        raise ValueError(f"score must be a number in 0 .. 1, not {odd[0]!r}")
    return None if all(score == 1 for score in stated) else np.array(stated, np.float32)


def _check_segments(ids: list[int], categories: list[int], labels: dict[int, int]) -> None:
    unknown = [category for category in categories if category not in labels]
    if unknown:
        raise ValueError(f"category_id {unknown} is not one of the file's {len(labels)} classes")
    outside = [i for i in ids if not 1 <= i <= MAX_SEGMENT_ID]
    if outside:
        raise ValueError(f"segment ids {outside} outside 1 .. {MAX_SEGMENT_ID}; 0 is unlabelled")
    if len(set(ids)) != len(ids):
        raise ValueError(
            f"segment ids {sorted(i for i in set(ids) if ids.count(i) > 1)} appear twice"
        )


def _check_relations(
    relations: list[tuple[Any, ...]], num_segments: int, num_predicates: int
) -> None:
    for relation in relations:
        if len(relation) != 3:
            raise ValueError(
                f"relations must be [subject, object, predicate], not {list(relation)}"
            )
        *ends, predicate = relation
        if not all(0 <= end < num_segments for end in ends):
            raise ValueError(f"relation {list(relation)} must name two of {num_segments} segments")
        if not 0 <= predicate < num_predicates:
            raise ValueError(
                f"relation {list(relation)}: predicate outside 0 .. {num_predicates - 1}"
            )


def _check_pairs(pairs: list[tuple[Any, ...]], num_segments: int) -> None:
    for pair in pairs:
        if len(pair) != 2 or not all(0 <= end < num_segments for end in pair):
            raise ValueError(
                f"doubtful_pairs {list(pair)} must be [segment, segment], of {num_segments}"
            )
