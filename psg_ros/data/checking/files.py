# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture and panoptic PNG of each image: there, readable, and consistent with the JSON."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from psg_ros.data.checking.finding import Finding
from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.pictures import read_rgb_of_size, read_segment_ids, turned_by_exif
from psg_ros.data.records import ImageRecord
from psg_ros.data.streaming import stream
from psg_ros.scene_graph import VOID

FAST_IMAGES = 100
"""As many images of a split are decoded in a fast check, evenly spaced."""


@dataclass(frozen=True)
class ImageFiles:
    """What was found about the files of one image.

    Attributes:
        image_id: name of the image.
        problems: what makes it unusable, one line a file.
        absent_segments: listed segments without a pixel; they can never be found.
        unlisted_segments: ids in the PNG that the annotation does not list.
        unlisted_px: pixels with such an id; they count as void.
        stated_areas: segments of which the entry states an area.
        other_areas: those of them that have another one in the PNG, one text each.
        turned: how the picture's EXIF tag would turn it, empty where it does not.
    """

    image_id: str
    problems: tuple[str, ...] = ()
    absent_segments: int = 0
    unlisted_segments: int = 0
    unlisted_px: int = 0
    stated_areas: int = 0
    other_areas: tuple[str, ...] = ()
    turned: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether the PNG looks like another image's: most areas are not as stated.

        Ids alone cannot tell where every image counts its segments from 1; a few areas may be off
        where somebody corrected a mask.
        """
        return 2 * len(self.other_areas) > self.stated_areas


def look_at_files(dataset: PanopticDataset, fast: bool, workers: int) -> tuple[list[Finding], int]:
    """Return what is wrong with the files of a split, and how many images were decoded."""
    count = len(dataset)
    step = -(-count // FAST_IMAGES) if fast and count else 1
    chosen = range(0, count, step)
    # Few images are not worth the start of other processes.
    workers = workers if len(chosen) > FAST_IMAGES else 0
    with closing(stream(dataset, chosen, inspect_files, workers)) as decoded:
        bar = tqdm(decoded, f"{dataset.split} images", len(chosen), leave=False, disable=None)
        found = dict(zip(chosen, bar, strict=True))
    images = [found[i] if i in found else look_for_files(dataset, i) for i in range(count)]
    return _findings(images), len(chosen)


def inspect_files(dataset: PanopticDataset, index: int) -> ImageFiles:
    """Decode picture and PNG of one image and compare them with its record."""
    record = dataset.records[index]
    problems = []
    try:
        read_rgb_of_size(dataset.image_path(record), record.image_hw)
    except (FileNotFoundError, ValueError) as error:
        problems.append(str(error))
    try:
        ids = read_segment_ids(dataset.panoptic_path(record))
        label_map = dataset.annotate(record, ids).segmentation.label_map
    except (FileNotFoundError, ValueError) as error:
        return ImageFiles(record.image_id, (*problems, str(error)))
    unlisted = ids[(label_map == VOID) & (ids != 0)]
    areas = np.bincount(label_map[label_map != VOID], minlength=len(record.labels))
    return ImageFiles(
        record.image_id,
        tuple(problems),
        int((areas == 0).sum()),
        len(np.unique(unlisted)),
        len(unlisted),
        *_compare_areas(record, areas),
        turned_by_exif(dataset.image_path(record), record.image_hw),
    )


def _compare_areas(record: ImageRecord, areas: np.ndarray) -> tuple[int, tuple[str, ...]]:
    """Return how many areas the record states, and what is wrong with those that differ."""
    if record.areas is None:
        return 0, ()
    stated = ~np.isnan(record.areas)
    differ = stated & (record.areas != areas)
    rows = zip(record.segment_ids[differ], areas[differ], record.areas[differ], strict=True)
    other = [f"segment {key} has {px:,} px, not {said:,.10g}" for key, px, said in rows]
    return int(stated.sum()), tuple(other)


def look_for_files(dataset: PanopticDataset, index: int) -> ImageFiles:
    """Only look whether both files of one image are there and not empty."""
    record = dataset.records[index]
    problems = []
    for path in (dataset.image_path(record), dataset.panoptic_path(record)):
        if not path.is_file():
            problems.append(f"{path} does not exist")
        elif not path.stat().st_size:
            problems.append(f"{path} is empty")
    return ImageFiles(record.image_id, tuple(problems))


def _findings(images: list[ImageFiles]) -> list[Finding]:
    broken = [f"image {i.image_id}: {problem}" for i in images for problem in i.problems]
    absent = [f"image {i.image_id}: {i.absent_segments}" for i in images if i.absent_segments]
    unlisted = [
        f"image {i.image_id}: {i.unlisted_segments} ids, {i.unlisted_px:,} px"
        for i in images
        if i.unlisted_px
    ]
    turned = [f"image {i.image_id}: {i.turned}" for i in images if i.turned]
    foreign, corrected = (
        [
            f"image {i.image_id}: {len(i.other_areas)} of {i.stated_areas}; {i.other_areas[0]}"
            for i in images
            if i.other_areas and i.is_foreign == is_foreign
        ]
        for is_foreign in (True, False)
    )
    findings = [
        Finding(f"missing or broken files: {len(broken):,}", tuple(broken)),
        Finding(
            "images whose PNG seems to be another's, most segments have other areas than stated: "
            f"{len(foreign):,}",
            tuple(foreign),
        ),
        Finding(
            f"images in which some segments have other areas than stated: {len(corrected):,}",
            tuple(corrected),
            is_problem=False,
        ),
        Finding(
            "photos with a rotation in their EXIF tag, which is read as belonging to the mask only "
            f"where the size says so; store them upright, or remove the tag: {len(turned):,}",
            tuple(turned),
            is_problem=False,
        ),
        Finding(
            f"images that list segments without a pixel: {len(absent):,}",
            tuple(absent),
            is_problem=False,
        ),
        Finding(
            f"images with segments in the PNG that are not listed (void): {len(unlisted):,}",
            tuple(unlisted),
            is_problem=False,
        ),
    ]
    return [finding for finding in findings if finding.places]
