# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check of a whole data set: names, splits, entries, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from psg_ros.data.annotation_file import AnnotationFile, Split
from psg_ros.data.checking.contradictions import find_contradictions
from psg_ros.data.checking.files import look_at_files
from psg_ros.data.checking.finding import Finding
from psg_ros.data.checking.names import compare_names, thing_warnings
from psg_ros.data.checking.report import DatasetReport, SplitReport
from psg_ros.data.checking.statistics import SplitStatistics, count_split
from psg_ros.data.dataset import PanopticDataset, choose_folder
from psg_ros.data.opening import find_annotation_file, read_annotations
from psg_ros.data.records import BrokenImage, ImageRecord, parse_entries
from psg_ros.labels import Vocabulary


def check_dataset(
    path: Path,
    vocabulary: Vocabulary,
    *,
    split: str | None = None,
    images: Path | None = None,
    panoptic: Path | None = None,
    fast: bool = False,
    workers: int = 2,
    vocabulary_name: str = "",
) -> DatasetReport:
    """Look through a data set and say all that is wrong, where opening it stops at the first.

    Args:
        path, images, panoptic: as `open_dataset`.
        vocabulary: what the names are compared with.
        split: look at this one only; None looks at all.
        fast: look whether all files are there, but decode only some.
        workers: processes that decode; 0 decodes in this one.
        vocabulary_name: for the report.

    Raises:
        FileNotFoundError: no annotation file.
        ValueError: it is in no known layout, or has no images (in the split).
    """
    annotations = read_annotations(find_annotation_file(Path(path), split))
    parts = _parts(annotations, split)
    folders = _folders(annotations, parts, images, panoptic)
    names = (
        compare_names("labels", annotations.labels, vocabulary.label_names),
        compare_names("predicates", annotations.predicates, vocabulary.predicate_names),
    )
    findings = [finding for comparison in names for finding in comparison.findings]
    findings += thing_warnings(annotations, vocabulary) + _overlaps(annotations.splits)
    return DatasetReport(
        source=str(annotations.path),
        layout=annotations.layout,
        image_folder=str(folders[0]),
        panoptic_folder=str(folders[1]),
        vocabulary=vocabulary_name,
        names=names,
        predicates=tuple(annotations.predicates),
        splits={n: _check_split(annotations, n, folders, fast, workers) for n in parts},
        findings=tuple(findings),
    )


def _folders(
    annotations: AnnotationFile, parts: dict[str, Split], images: Path | None, panoptic: Path | None
) -> tuple[Path, Path]:
    """Return the folders of pictures and PNGs."""
    entries = [entry for part in parts.values() for entry in part.entries]
    image_files, panoptic_files = (
        [str(entry[key]) for entry in entries if key in entry]
        for key in ("file_name", "pan_seg_file_name")
    )
    return (
        choose_folder(images, annotations.image_folders, image_files),
        choose_folder(panoptic, annotations.panoptic_folders, panoptic_files),
    )


def _parts(annotations: AnnotationFile, split: str | None) -> dict[str, Split]:
    """Return the splits to look at; those that are empty by their own account say nothing."""
    if split is not None:
        annotations.split(split)
        return {name: s for name, s in annotations.splits.items() if name in (split, "all")}
    parts = {name: part for name, part in annotations.splits.items() if part.num_listed}
    if not parts:
        raise ValueError(f"{annotations.path} has no images")
    return parts


def _check_split(
    annotations: AnnotationFile, name: str, folders: tuple[Path, Path], fast: bool, workers: int
) -> SplitReport:
    part = annotations.splits[name]
    # The file's own indices: a name that the vocabulary lacks is to be counted, too.
    own_labels = {category: i for i, category in enumerate(annotations.category_ids)}
    own_predicates = list(range(len(annotations.predicates)))
    records, broken = parse_entries(part.entries, own_labels, own_predicates)
    dataset = PanopticDataset(annotations.path, annotations.layout, name, tuple(records), *folders)
    statistics = count_split(records, len(own_predicates))
    files, num_decoded = look_at_files(dataset, fast, workers)
    findings = [
        *_incomplete(part), *_broken(broken), *_repeats(records, name),
        *find_contradictions(annotations, part.entries), *files,
        *_remarks(statistics, annotations),
    ]  # fmt: skip
    return SplitReport(statistics, num_decoded, tuple(findings))


def _incomplete(part: Split) -> list[Finding]:
    if part.num_missing <= 0 and not part.num_unlabelled:
        return []
    there = part.num_listed - part.num_missing
    text = f"{part.num_listed:,} images are listed, the file holds labels for {there:,}"
    return [Finding(f"{text}; take the complete file (psg.json of PSG)")]


def _broken(broken: list[BrokenImage]) -> list[Finding]:
    places = tuple(map(str, broken))
    return [Finding(_count(len(broken), "broken entry", "broken entries"), places)] * bool(broken)


def _repeats(records: list[ImageRecord], split: str) -> list[Finding]:
    """Return what is in the split twice: ids, and files under several ids."""
    ids, files = _twice(r.image_id for r in records), _twice(r.image_file for r in records)
    found = []
    if ids:
        text = _count(len(ids), "image id comes twice", "image ids appear twice")
        # In training an image may be seen twice; judged twice it would count twice.
        found.append(Finding(text, tuple(ids), is_problem=split != "train"))
    if len(files) > len(ids):
        text = _count(len(files), "picture has two entries", "pictures have two entries")
        found.append(Finding(text, tuple(files), is_problem=False))
    return found


def _overlaps(splits: dict[str, Split]) -> list[Finding]:
    """Return which splits share images, by id or by file."""
    found = []
    for (first, a), (second, b) in combinations(splits.items(), 2):
        for key, kind in (("image_id", "id"), ("file_name", "file")):
            shared = _values(a, key) & _values(b, key)
            if shared:
                number = _count(len(shared), "image", "images")
                text = f"{first} and {second} share {number} (same {kind})"
                found.append(Finding(text, tuple(sorted(shared))))
                break
    return found


def _values(part: Split, key: str) -> set[str]:
    return {str(entry[key]) for entry in part.entries if key in entry}


def _remarks(statistics: SplitStatistics, annotations: AnnotationFile) -> list[Finding]:
    """Return what is odd in the labels and yet ordinary in such data."""
    counts = [
        (statistics.duplicate_relations, "relation repeats", "relations repeat", "another"),
        (statistics.self_relations, "relation joins", "relations join", "a segment with itself"),
        (statistics.images_without_segments, "image has", "images have", "no segment"),
    ]
    if annotations.predicates:
        unrelated = statistics.images - statistics.related_images
        counts.append((unrelated, "image has", "images have", "no relation"))
    return [
        Finding(f"{_count(number, one, many)} {what}", is_problem=False)
        for number, one, many, what in counts
        if number
    ]


def _twice(values: Iterable[str]) -> list[str]:
    return [value for value, number in Counter(values).items() if number > 1]


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
