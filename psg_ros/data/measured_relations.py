# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations for a data set with depth: measured where geometry tells, doubtful where it may.

An entry names its depth image by `depth_file_name`. What comes out is PSG's `relations`, and beside
them `doubtful_pairs`, which are no examples of "no relation".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.data.annotation_file import Entry, read_json
from psg_ros.data.dataset import choose_folder
from psg_ros.data.pictures import check_size, positions_of, read_segment_ids
from psg_ros.data.psg import parse_psg
from psg_ros.data.records import ImageRecord, sound_records
from psg_ros.frame import Camera
from psg_ros.labels import Vocabulary
from psg_ros.pictures.picture_file import read_samples
from psg_ros.robot.geometry import GeometricFacts, KindTable, Relater, gather_facts
from psg_ros.robot.geometry.facts import Rays
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.space.rays import rays_of
from psg_ros.scene_graph import Segmentation


@dataclass(frozen=True)
class DepthCamera:
    """A pinhole camera without distortion, and how it writes depth.

    Attributes:
        fx, fy, cx, cy: px of the pictures.
        unit_m: metres per step of the depth images; 0 means unknown in them.

    Raises:
        ValueError: a unit that is not above 0.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    unit_m: float = 0.001

    def __post_init__(self) -> None:
        if not 0 < self.unit_m < np.inf:
            raise ValueError(f"unit_m must be above 0, metres per step, not {self.unit_m}")

    def rays(self, image_hw: tuple[int, int]) -> Rays:
        """Return what gives the rays of an image, see `rays_of`."""
        return partial(rays_of, Camera(image_hw, (self.fx, self.fy), (self.cx, self.cy)))


@dataclass(frozen=True)
class Certainty:
    """How clearly geometry has to show a relation, 0..1.

    Attributes:
        known: from here on a relation is written down.
        doubtful: from here on a pair is no example of "no relation".
    """

    known: float = 0.6
    doubtful: float = 0.15

    def __post_init__(self) -> None:
        if not 0 < self.doubtful <= self.known <= 1:
            raise ValueError(
                f"0 < doubtful <= known <= 1 must hold, not {self.doubtful} and {self.known}"
            )


@dataclass
class Measured:
    """A file's new content and what was found, counted while the entries pass."""

    content: dict[str, Any]
    relations: Counter[str]
    num_doubtful: int = 0


def measure_relations(
    path: Path,
    vocabulary: Vocabulary,
    camera: DepthCamera,
    *,
    certainty: Certainty = Certainty(),  # noqa: B008, frozen
    panoptic: Path | None = None,
    depth: Path | None = None,
) -> Iterator[Measured]:
    """Replace the relations of a file in PSG's layout; yields the same object after every entry.

    Args:
        vocabulary: holds all classes of the file; its predicates are those of the new one.
        panoptic, depth: folders that the files' names are relative to; searched near the file.

    Raises:
        FileNotFoundError: the file, a PNG or a depth image is missing.
        ValueError: not PSG's layout, a broken entry, one without `depth_file_name`, or a file of
            another size.
    """
    content = read_json(path)
    file = parse_psg(path, content)
    labels, predicates = file.join(vocabulary)
    entries = content["data"]
    records = sound_records(path, [{**e, "relations": []} for e in entries], labels, predicates)
    panoptic = choose_folder(
        panoptic, file.panoptic_folders, [record.panoptic_file for record in records]
    )
    depth = depth or panoptic
    relater, kinds = Relater(vocabulary), KindTable(vocabulary)
    new_content = {**content, "predicate_classes": list(vocabulary.predicate_names), "data": []}
    done = Measured(new_content, Counter())
    for entry, record in zip(entries, records, strict=True):
        facts = _facts(entry, record, camera, kinds, panoptic, depth)
        clarity = relater(facts, record.labels)
        triplets = np.argwhere(clarity >= certainty.known)
        doubtful = doubtful_pairs(clarity, facts, record.is_crowd, certainty)
        new_content["data"].append(
            {**entry, "relations": triplets.tolist(), "doubtful_pairs": doubtful.tolist()}
        )
        done.relations.update(vocabulary.predicate_names[p] for p in triplets[:, 2])
        done.num_doubtful += len(doubtful)
        yield done


def doubtful_pairs(
    clarity: np.ndarray, facts: GeometricFacts, is_crowd: np.ndarray, certainty: Certainty
) -> np.ndarray:
    """Return int64 [pair, 2], the first before the second: nobody knows of any relation.

    Those are pairs that a rule half claims; that touch, which many predicates without a rule mean;
    that were not measured; and those of crowds.
    """
    best = clarity.max(axis=2, initial=0.0)
    best = np.maximum(best, best.T)
    unknown = is_crowd.copy()
    if facts.extents is not None:
        unknown |= np.isnan(facts.extents.distance)
    doubtful = (
        (best >= certainty.doubtful) | (facts.contacts.touch_whole > 0) | unknown[:, None] | unknown
    )
    return np.argwhere(np.triu(doubtful & (best < certainty.known), k=1))


def _facts(
    entry: Entry,
    record: ImageRecord,
    camera: DepthCamera,
    kinds: KindTable,
    panoptic: Path,
    depth: Path,
) -> GeometricFacts:
    name = entry.get("depth_file_name")
    if not isinstance(name, str):
        raise ValueError(f"image {record.image_id} has no depth_file_name; relations need depth")
    ids = read_segment_ids(panoptic / record.panoptic_file)
    check_size(panoptic / record.panoptic_file, ids.shape, record.image_hw)
    samples = read_samples(depth / name)
    if samples.ndim != 2 or samples.dtype != np.uint16:
        raise ValueError(
            f"{depth / name} is {samples.dtype} {list(samples.shape)}; a depth image is a PNG of "
            "one channel of 16 bit"
        )
    check_size(depth / name, samples.shape, record.image_hw)
    label_map = positions_of(ids, record.segment_ids)
    count = len(record.labels)
    segmentation = Segmentation(label_map, record.labels, np.ones(count, np.float32))
    metres = samples.astype(np.float32) * np.float32(camera.unit_m)
    regions = measure_regions(label_map, count)
    return gather_facts(segmentation, regions, kinds, metres, camera.rays(record.image_hw))
