# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of the PSG layout: one JSON plus one panoptic PNG per image.

Layout: Yang et al., "Panoptic Scene Graph Generation", ECCV 2022. Keys `test_image_ids` and,
optionally, `val_image_ids` name the splits; the rest trains. Besides psg.json there are the files
of a competition: psg_train_val.json and psg_val_test.json name the same test images, but the one
holds only those with public labels, the other holds many without labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psg_ros.data.annotation_file import AnnotationFile, Entry, Split

ANNOTATION_FILE = "psg.json"
LAYOUT = "PSG"
HELD_OUT_IDS = ("val_image_ids", "test_image_ids")


def parse_psg(path: Path, content: dict[str, Any]) -> AnnotationFile:
    """Return what a file in PSG layout says; its entries are not checked.

    Raises:
        ValueError: not PSG's layout.
    """
    try:
        things, stuff = _names(content, "thing_classes"), _names(content, "stuff_classes")
        predicates = _names(content, "predicate_classes")
        splits = _splits(content)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not in PSG's layout: {error!r}") from error
    folder = path.parent
    # The last two: psg.json of the authors lies beside the folder of COCO.
    folders = [folder, folder / "coco", folder.parent / "coco", folder.parent]
    return AnnotationFile(
        path,
        LAYOUT,
        things,
        stuff,
        predicates,
        list(range(len(things) + len(stuff))),
        splits,
        image_folders=folders,
        panoptic_folders=[*folders, *(f / "annotations" for f in folders)],
    )


def count_held_out(content: dict[str, Any]) -> int:
    """Return how many images of a file in PSG layout do not train; it may list others as well."""
    held_out = {str(name) for key in HELD_OUT_IDS for name in content.get(key, [])}
    return sum(str(entry["image_id"]) in held_out for entry in content["data"])


def _names(content: dict[str, Any], key: str) -> list[str]:
    names = _listed(content[key], key)
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise TypeError(f"{key} must hold names, not {odd}")
    return names


def _listed(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):  # a text is one of letters, otherwise
        raise TypeError(f"{key} must be a list, not {value!r:.80}")
    return value


def _splits(content: dict[str, Any]) -> dict[str, Split]:
    # As text: some files hold these ids as numbers, images name them as strings.
    listed = {}
    for name in ("val", "test"):
        key = f"{name}_image_ids"
        listed[name] = set(map(str, _listed(content.get(key, []), key)))
    held_out = listed["val"] | listed["test"]
    entries = [(str(entry["image_id"]), entry) for entry in content["data"]]
    splits = {"train": _split([entry for name, entry in entries if name not in held_out], None)}
    for split, ids in listed.items():
        splits[split] = _split([entry for name, entry in entries if name in ids], len(ids))
    return splits


def _split(entries: list[Entry], num_listed: int | None) -> Split:
    labelled = [entry for entry in entries if "segments_info" in entry and "relations" in entry]
    distinct = len({str(entry["image_id"]) for entry in entries})
    return Split(
        labelled, distinct if num_listed is None else num_listed, len(entries) - len(labelled)
    )
