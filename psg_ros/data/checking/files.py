# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture and panoptic PNG of each image: there, readable, and of one mind with the JSON."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from psg_ros.data.checking.finding import Finding
from psg_ros.data.dataset import PanopticDataset
from psg_ros.data.pictures import read_rgb_of_size, read_segment_ids
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
    """

    image_id: str
    problems: tuple[str, ...] = ()
    absent_segments: int = 0
    unlisted_segments: int = 0
    unlisted_px: int = 0


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
    )


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
    findings = [
        Finding(f"missing or broken files: {len(broken):,}", tuple(broken)),
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
