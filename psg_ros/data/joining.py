# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several annotation files of one vocabulary as one file; pictures stay where they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psg_ros.data.annotation_file import AnnotationFile, Entry, read_json
from psg_ros.data.dataset import choose_folder
from psg_ros.data.psg import HELD_OUT_IDS, parse_psg

CLASSES = ("thing_classes", "stuff_classes", "predicate_classes")
PICTURE, PNG, DEPTH = "file_name", "pan_seg_file_name", "depth_file_name"
BESIDE = ("", "annotations")
"""Where in the folder of pictures the PNGs may lie; the second is COCO's."""


def join(
    paths: Sequence[Path], target: Path, folders: Sequence[Path | None] = ()
) -> dict[str, Any]:
    """Return the content of one file in PSG's layout with the entries of all.

    Files of pictures are named relative to the folder of `target`, which must lie above them;
    held-out images stay held out.

    Args:
        folders: of each file's pictures, PNGs in it or in its `annotations`; None, or left out:
            searched near the file.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: not PSG's layout, an entry without a file name, different classes, an image id
            in two files, or pictures outside the folder of `target`.
    """
    joined: dict[str, Any] = {"data": []}
    seen: dict[str, Path] = {}
    for place, path in enumerate(paths):
        content = read_json(path)
        file = parse_psg(path, content)
        for key in CLASSES:
            if joined.setdefault(key, content[key]) != content[key]:
                raise ValueError(
                    f"{key} of {path} are not those of {paths[0]}; bring both to one vocabulary "
                    "with psg dataset select"
                )
        given = folders[place] if place < len(folders) else None
        inside = _folders_inside(file, content["data"], given, target)
        for entry in content["data"]:
            image_id = str(entry["image_id"])
            if image_id in seen:
                raise ValueError(f"image {image_id} is in {seen[image_id]} and in {path}")
            seen[image_id] = path
            moved = {key: f"{inside[key]}/{entry[key]}" for key in inside if key in entry}
            joined["data"].append({**entry, **moved})
        for key in HELD_OUT_IDS:
            if key in content:
                joined[key] = [*joined.get(key, []), *content[key]]
    return joined


def _folders_inside(
    file: AnnotationFile, entries: Sequence[Entry], given: Path | None, target: Path
) -> dict[str, str]:
    """Return the folder of pictures, PNGs and depth images, as the new file has to name it.

    They need not lie in one: beside COCO's pictures the PNGs have a folder of their own.
    """
    for entry in entries:
        if PICTURE not in entry:
            raise ValueError(
                f"image {entry['image_id']} has no {PICTURE} ({file.path}); `psg dataset check` "
                "lists all that is wrong"
            )
    images, others = file.image_folders, file.panoptic_folders
    if given is not None:
        images = [choose_folder(given, [], [])]
        others = [given / name for name in BESIDE]
    return {
        key: _inside(choose_folder(None, places, _files(entries, key)), target)
        for key, places in ((PICTURE, images), (PNG, others), (DEPTH, others))
        if _files(entries, key)
    }


def _files(entries: Sequence[Entry], key: str) -> list[str]:
    return [str(entry[key]) for entry in entries if key in entry]


def _inside(folder: Path, target: Path) -> str:
    inside = os.path.relpath(folder, target.parent)
    if Path(inside).parts[:1] == ("..",):
        raise ValueError(
            f"{target} would name pictures outside its own folder; write it into a folder "
            f"above {folder} and the others"
        )
    return inside
