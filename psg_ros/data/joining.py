# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several annotation files of one vocabulary as one file; pictures stay where they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psg_ros.data.annotation_file import read_json
from psg_ros.data.dataset import choose_folder
from psg_ros.data.psg import parse_psg

CLASSES = ("thing_classes", "stuff_classes", "predicate_classes")
SPLIT_IDS = ("val_image_ids", "test_image_ids")
FILES = ("file_name", "pan_seg_file_name", "depth_file_name")


def join(
    paths: Sequence[Path], target: Path, folders: Sequence[Path | None] = ()
) -> dict[str, Any]:
    """Return the content of one file in PSG's layout with the entries of all.

    Files of pictures are named relative to the folder of `target`, which must lie above them;
    held-out images stay held out.

    Args:
        folders: of each file's pictures and PNGs; None, or left out: searched near the file.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: not PSG's layout, different classes, an image id in two files, or pictures
            outside the folder of `target`.
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
        names = [str(entry["file_name"]) for entry in content["data"]]
        given = folders[place] if place < len(folders) else None
        folder = choose_folder(given, file.image_folders, names)
        inside = os.path.relpath(folder, target.parent)
        if inside.startswith(".."):
            raise ValueError(
                f"{target} would name pictures outside its own folder; write it into a folder "
                f"above {folder} and the others"
            )
        for entry in content["data"]:
            image_id = str(entry["image_id"])
            if image_id in seen:
                raise ValueError(f"image {image_id} is in {seen[image_id]} and in {path}")
            seen[image_id] = path
            moved = {key: f"{inside}/{entry[key]}" for key in FILES if key in entry}
            joined["data"].append({**entry, **moved})
        for key in SPLIT_IDS:
            if key in content:
                joined[key] = [*joined.get(key, []), *content[key]]
    return joined
