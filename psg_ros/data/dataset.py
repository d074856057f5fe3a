# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The images of one split, whatever the layout of their annotation file was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.annotation_file import AnnotationFile, Split
from psg_ros.data.pictures import (
    check_size,
    positions_of,
    read_rgb_of_size,
    read_segment_ids,
)
from psg_ros.data.records import (
    BrokenImage,
    ImageRecord,
    annotations_sha256,
    parse_entries,
)
from psg_ros.data.streaming import stream
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import VOID, Segmentation

PROBED_FILES = 20
"""By as many files a folder is chosen."""


@dataclass(frozen=True)
class PanopticDataset(Sequence[AnnotatedImage]):
    """The images of one split; a PNG is decoded when its item is asked for and not kept.

    It holds paths and numbers only, about 1 kB an image, so it can be sent to other processes.

    Attributes:
        source: the annotation file.
        layout: its layout.
        split: name of the split.
        records: one an image, in file order.
        image_folder, panoptic_folder: the records' files are relative to these.
        skipped: images that were left out because they are broken (`skip_broken`).
        num_missing: images that the file lists in the split, but without labels (`partial`).
        held_out_labels: labels whose segments were taken out, see `psg_ros.data.hold_out`.
    """

    source: Path
    layout: str
    split: str
    records: tuple[ImageRecord, ...]
    image_folder: Path
    panoptic_folder: Path
    skipped: tuple[BrokenImage, ...] = ()
    num_missing: int = 0
    held_out_labels: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        """Return one `AnnotatedImage`, or for a slice a list of them.

        Raises:
            IndexError: no such image.
            FileNotFoundError: its PNG is missing.
            ValueError: its PNG cannot be read, or is not the one of the entry; names the image.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        record = self.records[index]
        with _naming(record.image_id):
            return self.annotate(record, read_segment_ids(self.panoptic_path(record)))

    @property
    def root(self) -> Path:
        """Folder of the annotation file."""
        return self.source.parent

    @property
    def image_ids(self) -> list[str]:
        """Names of the images, in order."""
        return [record.image_id for record in self.records]

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Number of the images and digest of their annotations; others mean other data."""
        return {"images": len(self), "sha256": annotations_sha256(self.records)}

    def image_path(self, record: ImageRecord) -> Path:
        """Return where the picture lies."""
        return self.image_folder / record.image_file

    def panoptic_path(self, record: ImageRecord) -> Path:
        """Return where the panoptic PNG lies."""
        return self.panoptic_folder / record.panoptic_file

    def annotate(self, record: ImageRecord, ids: np.ndarray) -> AnnotatedImage:
        """Return the truth about an image from its record and its decoded PNG.

        Args:
            ids: int32 [height, width]; segment ids. Those that the record does not list are void.

        Raises:
            ValueError: the PNG has another size, or none of the listed segments.
        """
        path, count = self.panoptic_path(record), len(record.labels)
        check_size(path, ids.shape, record.image_hw)
        label_map = positions_of(ids, record.segment_ids)
        if count and (label_map == VOID).all():
            raise ValueError(
                f"{path} has no pixel of the {count} segments; it belongs to another image, or is "
                "not a panoptic PNG (id = R + 256 G + 65536 B)"
            )
        scores = np.ones(count, np.float32) if record.scores is None else record.scores
        segmentation = Segmentation(label_map, record.labels, scores)
        return AnnotatedImage(
            record.image_id,
            self.image_path(record),
            segmentation,
            record.triplets,
            record.is_crowd,
            record.doubtful_pairs,
        )


def read_picture(item: AnnotatedImage) -> np.ndarray:
    """Return uint8 [height, width, 3] RGB, as large as the annotation.

    Raises:
        FileNotFoundError: the picture is missing.
        ValueError: it cannot be read or has another size; names the image.
    """
    with _naming(item.image_id):
        return read_rgb_of_size(item.image_path, item.segmentation.image_hw)


def build_dataset(
    annotations: AnnotationFile,
    vocabulary: Vocabulary,
    split: str,
    *,
    images: Path | None = None,
    panoptic: Path | None = None,
    partial: bool = False,
    skip_broken: bool = False,
    workers: int = 0,
) -> PanopticDataset:
    """Join one split with a vocabulary and check every entry; arguments as `open_dataset`.

    Raises:
        FileNotFoundError: no such folder as `images` or `panoptic`.
        ValueError: no or an incomplete split, unknown class names, a broken entry.
    """
    labels, predicates = annotations.join(vocabulary)
    part = annotations.split(split)
    if not partial:
        _check_complete(annotations.path, split, part)
    records, broken = parse_entries(part.entries, labels, predicates)
    if split != "train":
        # An image that trains twice does no harm, one that is judged twice does.
        records, twice = _without_repeats(records)
        broken += twice
    if broken and not skip_broken:
        raise ValueError(_refusal(annotations.path, broken))
    image_files = [record.image_file for record in records]
    panoptic_files = [record.panoptic_file for record in records]
    dataset = PanopticDataset(
        annotations.path,
        annotations.layout,
        split,
        tuple(records),
        choose_folder(images, annotations.image_folders, image_files),
        choose_folder(panoptic, annotations.panoptic_folders, panoptic_files),
        tuple(broken),
        max(part.num_missing, 0),
    )
    return without_broken_files(dataset, workers) if skip_broken else dataset


def choose_folder(given: Path | None, likely: Sequence[Path], files: Sequence[str]) -> Path:
    """Return `given`, or the folder that holds most of the first `files`, among equals the first.

    Raises:
        FileNotFoundError: `given` is not a folder.
    """
    if given is None:
        probed = files[:PROBED_FILES]
        return max(likely, key=lambda folder: sum((folder / name).is_file() for name in probed))
    if not Path(given).is_dir():
        raise FileNotFoundError(f"{given} is not a folder; expected the one with the pictures")
    return Path(given)


def without_broken_files(dataset: PanopticDataset, workers: int = 0) -> PanopticDataset:
    """Return the data set without the images whose files cannot be read; reads every file once.

    Raises:
        ValueError: nothing is left.
    """
    kept, broken = [], list(dataset.skipped)
    reasons = stream(dataset, range(len(dataset)), why_unreadable, workers)
    for record, reason in zip(dataset.records, reasons, strict=True):
        if reason is None:
            kept.append(record)
        else:
            broken.append(BrokenImage(record.image_id, reason))
    if not kept:
        raise ValueError(
            f"{dataset.source}: all {len(broken)} images are broken, first: {broken[0]}"
        )
    return replace(dataset, records=tuple(kept), skipped=tuple(broken))


def why_unreadable(dataset: PanopticDataset, index: int) -> str | None:
    """Return what is wrong with the picture or PNG of one image, without its name; None if sound.

    Only what is wrong with a file counts: errors of the machine (memory, permissions) are raised.
    """
    try:
        read_picture(dataset[index])
    except (FileNotFoundError, ValueError) as error:
        return str(error).removeprefix(f"image {dataset.records[index].image_id}: ")
    return None


def _check_complete(path: Path, name: str, split: Split) -> None:
    if split.num_missing > 0 or split.num_unlabelled:
        raise ValueError(
            f"{path} lists {split.num_listed} images in its {name} split, but holds labels for "
            f"{split.num_listed - split.num_missing}: results on these are not comparable; take "
            "the complete file (psg.json of PSG), or accept the part (--partial, `partial: true`)"
        )


def _without_repeats(
    records: list[ImageRecord],
) -> tuple[list[ImageRecord], list[BrokenImage]]:
    """Keep the first image of every id: a second would count twice."""
    first: dict[str, ImageRecord] = {}
    twice = []
    for record in records:
        if record.image_id in first:
            twice.append(BrokenImage(record.image_id, "its id came before in this split"))
        else:
            first[record.image_id] = record
    return list(first.values()), twice


def _refusal(path: Path, broken: list[BrokenImage]) -> str:
    more = f" and {len(broken) - 1} more broken entries" if len(broken) > 1 else ""
    cure = (
        "`psg dataset check` lists them all; correct the file, or leave them out (--skip-broken, "
        "`skip_broken: true`)"
    )
    return f"{broken[0]}{more} ({path}); {cure}"


@contextmanager
def _naming(image_id: str) -> Iterator[None]:
    """Put the image's name before what is wrong with one of its files."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"image {image_id}: {error}") from error
    except ValueError as error:
        raise ValueError(f"image {image_id}: {error}") from error
