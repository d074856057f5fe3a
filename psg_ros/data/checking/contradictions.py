# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where an annotation file contradicts itself or names files outside of its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from psg_ros.data.annotation_file import AnnotationFile, Entry
from psg_ros.data.checking.finding import Finding


def find_contradictions(annotations: AnnotationFile, entries: Iterable[Entry]) -> list[Finding]:
    """Return what entries say twice and differently, and the file names that leave the folder.

    Entries may hold anything: what is not in the layout at all is found elsewhere.
    """
    things = set(annotations.category_ids[: len(annotations.things)])
    stuff = set(annotations.category_ids[len(annotations.things) :])
    classes, kinds, files = [], [], []
    for entry in entries:
        name = f"image {entry['image_id']}"
        infos, boxes = (_mappings(entry.get(key)) for key in ("segments_info", "annotations"))
        classes += [f"{name}: {text}" for text in _other_classes(infos, boxes)]
        kinds += [f"{name}: {text}" for text in _other_kinds(infos, things, stuff)]
        files += [f"{name}: {text}" for text in _outside(entry)]
    found = [
        Finding(f"segments with another category_id in annotations: {len(classes):,}", (*classes,)),
        Finding(f"segments whose isthing contradicts their class: {len(kinds):,}", (*kinds,)),
        Finding(f"file names that leave the data set's folder: {len(files):,}", (*files,)),
    ]
    return [finding for finding in found if finding.places]


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return a list of mappings, an empty one in place of every other thing."""
    items = value if isinstance(value, list) else []
    return [item if isinstance(item, dict) else {} for item in items]


def _other_classes(infos: list[dict], boxes: list[dict]) -> Iterator[str]:
    for place, (info, box) in enumerate(zip(infos, boxes, strict=False)):
        ours, theirs = info.get("category_id"), box.get("category_id", info.get("category_id"))
        if ours != theirs:
            yield f"segments_info[{place}] is {ours!r}, annotations[{place}] is {theirs!r}"


def _other_kinds(infos: list[dict], things: set[int], stuff: set[int]) -> Iterator[str]:
    for place, info in enumerate(infos):
        category, said = info.get("category_id"), info.get("isthing")
        if said is None or not isinstance(category, int):
            continue
        if category in (stuff if said else things):
            yield f"segments_info[{place}] has isthing {said!r}, unlike its class {category}"


def _outside(entry: Entry) -> Iterator[str]:
    for key in ("file_name", "pan_seg_file_name"):
        path = PurePosixPath(str(entry.get(key, "")))
        if path.is_absolute() or ".." in path.parts:
            yield f"{key} {str(path)!r}"
