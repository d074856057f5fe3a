# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A copy of an annotation file with fewer classes or with images held out; pictures stay put."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from psg_ros.data.annotation_file import AnnotationFile, read_json
from psg_ros.data.psg import count_held_out, parse_psg
from psg_ros.data.records import sound_records
from psg_ros.labels import Vocabulary


@dataclass(frozen=True)
class Selection:
    """A file's new content, and what is not in it any more.

    Attributes:
        content: in PSG's layout.
        num_held_out: images that are not for training.
        dropped: segments that became void, by class.
    """

    content: dict[str, Any]
    num_held_out: int
    dropped: Counter[str]


def select(path: Path, vocabulary: Vocabulary, held_out: Sequence[str]) -> Selection:
    """Return what a file in PSG's layout says about the classes of a vocabulary.

    Segments of other classes become void, because their ids stand in no entry any more; so do
    relations with them, and of other predicates. Images whose id fits a pattern become the test
    split; without patterns the splits stay.

    Args:
        held_out: shell patterns, as `nyu_09*`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not PSG's layout, a broken entry, or a pattern that fits no image.
    """
    content = read_json(path)
    file = parse_psg(path, content)
    _check_entries(file, content)
    _check_patterns(path, content, held_out)
    kept = {name: index for index, name in enumerate(vocabulary.label_names)}
    predicates = {name: index for index, name in enumerate(vocabulary.predicate_names)}
    labels = [kept.get(name) for name in file.labels]
    wanted = [predicates.get(name) for name in file.predicates]
    entries = [_select_segments(entry, labels, wanted) for entry in content["data"]]
    dropped = Counter(
        file.labels[info["category_id"]]
        for entry in content["data"]
        for info in entry.get("segments_info", [])
        if labels[info["category_id"]] is None
    )
    num_things = sum(label.is_thing for label in vocabulary.labels)
    new = {
        **content,
        "data": entries,
        "thing_classes": list(vocabulary.label_names[:num_things]),
        "stuff_classes": list(vocabulary.label_names[num_things:]),
        "predicate_classes": list(vocabulary.predicate_names),
    }
    if held_out:
        ids = [str(entry["image_id"]) for entry in entries]
        held = [name for name in ids if any(fnmatchcase(name, pattern) for pattern in held_out)]
        new |= {"test_image_ids": held, "val_image_ids": []}
    return Selection(new, count_held_out(new), dropped)


def _check_entries(file: AnnotationFile, content: dict[str, Any]) -> None:
    """Raise ValueError for a broken entry: a class -1, say, would be the last of the list.

    Some files leave relations out, or all that is known of an image; that is no fault.
    """
    own_labels = {category: category for category in file.category_ids}
    own_predicates = list(range(len(file.predicates)))
    entries = [{"relations": [], **e} for e in content["data"] if "segments_info" in e]
    sound_records(file.path, entries, own_labels, own_predicates)


def _check_patterns(path: Path, content: dict[str, Any], patterns: Sequence[str]) -> None:
    ids = [str(entry["image_id"]) for entry in content["data"]]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in ids):
            raise ValueError(f"{path} has no image {pattern!r}; its images are like {ids[:1]}")


def _select_segments(
    entry: dict[str, Any], labels: Sequence[int | None], predicates: Sequence[int | None]
) -> dict[str, Any]:
    """Return an entry with the segments and relations that can be said; indices start over."""
    if "segments_info" not in entry:
        return entry
    infos, boxes = entry["segments_info"], entry.get("annotations")
    places = [i for i, info in enumerate(infos) if labels[info["category_id"]] is not None]
    new_place = {old: new for new, old in enumerate(places)}
    relabelled = [infos[i] | {"category_id": labels[infos[i]["category_id"]]} for i in places]
    relations = [
        [new_place[subject], new_place[target], predicates[predicate]]
        for subject, target, predicate in entry.get("relations", [])
        if subject in new_place and target in new_place and predicates[predicate] is not None
    ]
    new = {**entry, "segments_info": relabelled}
    if "relations" in entry:
        new["relations"] = relations
    if "doubtful_pairs" in entry:
        new["doubtful_pairs"] = [
            [new_place[one], new_place[other]]
            for one, other in entry["doubtful_pairs"]
            if one in new_place and other in new_place
        ]
    if boxes is not None:
        new["annotations"] = [
            boxes[i] | {"category_id": labels[infos[i]["category_id"]]} for i in places
        ]
    return new
