# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of the COCO panoptic layout: JSON with images, annotations, categories; a folder of PNGs.

Layout: Kirillov et al., "Panoptic Segmentation", CVPR 2019, and cocodataset.org. It has no
relations, so it serves to train and to measure segmentation. A file is one split: train or val if
its name says so (panoptic_val2017.json), otherwise whichever it is opened as.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from psg_ros.data.annotation_file import SPLITS, WHOLE, AnnotationFile, Entry, Split

LAYOUT = "COCO panoptic"


def parse_coco_panoptic(path: Path, content: dict[str, Any]) -> AnnotationFile:
    """Return what a file in COCO's panoptic layout says; its entries are not checked.

    Raises:
        ValueError: not this layout, or two categories of one id.
    """
    try:
        categories = sorted(content["categories"], key=lambda category: not category["isthing"])
        names = {bool(flag): _names(categories, flag) for flag in (True, False)}
        ids = _ids(path, categories)
        entries = _entries(content)
        labelled = {entry["image_id"] for entry in entries}
        listed = labelled | {str(image["id"]) for image in content["images"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not in COCO's panoptic layout: {error!r}") from error
    name = split_of_name(path)
    folder, places = path.parent, _image_places(path)
    return AnnotationFile(
        path,
        LAYOUT,
        names[True],
        names[False],
        [],
        ids,
        {name: Split(entries, len(listed), len(listed - labelled))},
        image_folders=places,
        panoptic_folders=[folder / path.stem, folder, folder.parent / path.stem],
    )


def split_of_name(path: Path) -> str:
    """Return the split in a file's name ("val" of panoptic_val2017.json), or `WHOLE`."""
    found = re.search(rf"(?:^|_)({'|'.join(SPLITS)})(?:\d{{4}})?(?:_|$)", path.stem)
    return found[1] if found else WHOLE


def _ids(path: Path, categories: list[dict[str, Any]]) -> list[int]:
    names: dict[int, str] = {}
    for category in categories:
        key, name = int(category["id"]), category["name"]
        if key in names:
            raise ValueError(f"{path}: category id {key} is both {names[key]!r} and {name!r}")
        names[key] = name
    return list(names)


def _names(categories: list[dict[str, Any]], is_thing: bool) -> list[str]:
    return [c["name"] for c in categories if bool(c["isthing"]) == is_thing]


def _entries(content: dict[str, Any]) -> list[Entry]:
    images = {image["id"]: image for image in content["images"]}
    entries = []
    for annotation in content["annotations"]:
        image = images.get(annotation["image_id"], {})
        facts = {key: image[key] for key in ("file_name", "height", "width") if key in image}
        entries.append({
            **facts,
            "image_id": str(annotation["image_id"]),
            "pan_seg_file_name": annotation["file_name"],
            "segments_info": annotation["segments_info"],
            "relations": [],
        })  # fmt: skip
    return entries


def _image_places(path: Path) -> list[Path]:
    """COCO's own places: annotations/panoptic_val2017.json beside val2017/."""
    folder, part = path.parent, path.stem.removeprefix("panoptic_")
    return [folder, folder.parent / part, folder / part, folder.parent / "images" / part]
