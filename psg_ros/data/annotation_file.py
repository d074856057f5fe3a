# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an annotation file says, whatever its layout: classes, splits, and one entry per image.

Entries are PSG's mappings (`image_id`, `file_name`, `pan_seg_file_name`, `height`, `width`,
`segments_info`, `relations`); readers of other layouts translate to them. A reader checks the file
as a whole; the entries are checked one by one when they become records.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psg_ros.labels import Vocabulary

SPLITS = ("train", "val", "test")
WHOLE = "all"
"""The only split of a file that names none."""
SHOWN_NAMES = 10
"""As many unknown names are listed in a message."""

Entry = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """Images of one split.

    Attributes:
        entries: the labelled images in file order.
        num_listed: images that belong to the split by the file's own account.
        num_unlabelled: images of the split that are there without segments or relations.
    """

    entries: list[Entry]
    num_listed: int
    num_unlabelled: int = 0

    @property
    def num_missing(self) -> int:
        """Images that are listed but not labelled here; an id that comes twice counts once."""
        return self.num_listed - len({str(entry["image_id"]) for entry in self.entries})


@dataclass(frozen=True)
class AnnotationFile:
    """One annotation file.

    Attributes:
        path: the file.
        layout: "PSG" or "COCO panoptic".
        things, stuff, predicates: names in the file's order.
        category_ids: the file's id of every class, things first.
        splits: by name, in order train, val, test; or only `WHOLE`.
        image_folders, panoptic_folders: where the files may lie, the likeliest first.
    """

    path: Path
    layout: str
    things: list[str]
    stuff: list[str]
    predicates: list[str]
    category_ids: list[int]
    splits: dict[str, Split]
    image_folders: list[Path] = field(default_factory=list)
    panoptic_folders: list[Path] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """Names of all classes, things first."""
        return [*self.things, *self.stuff]

    def split(self, name: str) -> Split:
        """Return a split. A file that names no splits is any of them, one with a single is `WHOLE`.

        Raises:
            ValueError: no such split, or nothing in it.
        """
        if name not in (*SPLITS, WHOLE):
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {name!r}")
        whole = next(iter(self.splits.values())) if len(self.splits) == 1 else None
        split = self.splits.get(name, whole if WHOLE in (name, *self.splits) else None)
        if split is None:
            raise ValueError(f"{self.path} has only the split {', '.join(self.splits)}, not {name}")
        if not split.entries:
            there = f" ({split.num_unlabelled} without labels)" if split.num_unlabelled else ""
            raise ValueError(f"{self.path} has no images in its {name} split{there}")
        return split

    def join(self, vocabulary: Vocabulary) -> tuple[dict[int, int], list[int]]:
        """Return, joined by name: category id -> label, and a predicate of the vocabulary for each
        of the file's.

        Raises:
            ValueError: names that the vocabulary does not know, with the nearest that it knows.
        """
        wrong = [
            unknown_names(kind, names, known)
            for kind, names, known in (
                ("labels", self.labels, vocabulary.label_names),
                ("predicates", self.predicates, vocabulary.predicate_names),
            )
        ]
        if any(wrong):
            said = "; ".join(filter(None, wrong))
            raise ValueError(f"{self.path} does not fit the vocabulary: {said}")
        labels = vocabulary.label_index(self.labels)
        by_id = dict(zip(self.category_ids, labels, strict=True))
        return by_id, vocabulary.predicate_index(self.predicates)


def unknown_names(kind: str, names: Sequence[str], known: Sequence[str]) -> str:
    """Return what is wrong with names that are not known, or nothing."""
    unknown = [name for name in names if name not in known]
    if not unknown:
        return ""
    shown = unknown[:SHOWN_NAMES]
    more = f" and {len(unknown) - len(shown)} more" if len(unknown) > len(shown) else ""
    hints = [f"{name!r} for {near!r}" for name in shown if (near := _nearest(name, known))]
    hint = f" (is it {', '.join(hints)}?)" if hints else f"; {len(known)} others are known"
    return f"unknown {kind} {shown}{more}{hint}"


def _nearest(name: str, known: Sequence[str]) -> str:
    """Return the name that was meant, perhaps, or nothing; some copies of PSG lack the suffixes."""
    longer = [other for other in known if other.startswith(f"{name}-")]
    return next(iter(longer or difflib.get_close_matches(name, known, n=1)), "")


def read_json(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, or no mapping.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected an annotation file (JSON)")
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON, or is incomplete: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a mapping with images")
    return content
