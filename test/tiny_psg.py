# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sets in PSG and COCO panoptic layout, small enough for a test: coloured boxes on a ground."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary

THINGS, STUFF, PREDICATES = ["box", "ball"], ["ground"], ["beside", "on"]
COLORS = {"ground": (40, 40, 200), "box": (220, 40, 40), "ball": (40, 220, 40)}
"""Class -> RGB; what is black belongs to no segment."""
VOCABULARY = Vocabulary(
    tuple(ObjectLabel(name, name in THINGS, (9, 9, 9)) for name in (*THINGS, *STUFF)),
    tuple(map(Predicate, PREDICATES)),
)
IDS = {"ground": 5, "box": 300, "ball": 70000}


def write_tiny_psg(folder: Path, num_images: int = 6, image_hw: tuple[int, int] = (48, 72)) -> Path:
    """Write pictures, panoptic PNGs and psg.json; the last image is for tests, the rest trains.

    Every image has segments ground, box, ball and triplets (box, ball, beside), (box, ground, on).
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    entries = [_write_image(folder, str(i), image_hw, rng) for i in range(num_images)]
    content = {
        "thing_classes": THINGS,
        "stuff_classes": STUFF,
        "predicate_classes": PREDICATES,
        "test_image_ids": [entries[-1]["image_id"]],
        "data": entries,
    }
    (folder / "psg.json").write_text(json.dumps(content))
    return folder


def write_tiny_coco(folder: Path, name: str = "panoptic_val2017", num_images: int = 3) -> Path:
    """Write the pictures of `write_tiny_psg` in COCO's places; return the annotation file.

    Category ids have gaps, stuff comes first, and the ball of every image is a crowd.
    """
    part = name.removeprefix("panoptic_")
    write_tiny_psg(folder / part, num_images)
    entries = json.loads((folder / part / "psg.json").read_text())["data"]
    (folder / part / "psg.json").unlink()
    annotations = folder / "annotations"
    (annotations / name).mkdir(parents=True)
    for entry in entries:
        png = folder / part / entry["pan_seg_file_name"]
        png.rename(annotations / name / f"{entry['image_id']}.png")
    ids = {"box": 11, "ball": 90, "ground": 7}
    things = {"box", "ball"}
    content = {
        "images": [
            {"id": int(e["image_id"]), **{k: e[k] for k in ("file_name", "height", "width")}}
            for e in entries
        ],
        "annotations": [
            {
                "image_id": int(entry["image_id"]),
                "file_name": f"{entry['image_id']}.png",
                "segments_info": [
                    {"id": IDS[kind], "category_id": ids[kind], "iscrowd": int(kind == "ball")}
                    for kind in COLORS
                ],
            }
            for entry in entries
        ],
        "categories": [
            {"id": ids[kind], "name": kind, "isthing": int(kind in things)}
            for kind in ("ground", "box", "ball")
        ],
    }
    (annotations / f"{name}.json").write_text(json.dumps(content))
    return annotations / f"{name}.json"


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let `change` edit the content of a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _write_image(
    folder: Path, name: str, image_hw: tuple[int, int], rng: np.random.Generator
) -> dict[str, Any]:
    height, width = image_hw
    ids = np.zeros(image_hw, np.int64)
    ids[: height - 4] = IDS["ground"]
    top, left = rng.integers(0, height // 3), rng.integers(0, width // 4)
    for shift, kind in ((0, "box"), (width // 2, "ball")):
        ids[top : top + height // 3, left + shift : left + shift + width // 5] = IDS[kind]
    image = np.zeros((*image_hw, 3), np.uint8)
    for kind, color in COLORS.items():
        image[ids == IDS[kind]] = color
    cv2.imwrite(str(folder / f"{name}.png"), image[..., ::-1])
    panoptic = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)
    cv2.imwrite(str(folder / f"{name}_panoptic.png"), panoptic)
    classes = [*THINGS, *STUFF]
    return {
        "image_id": name,
        "file_name": f"{name}.png",
        "pan_seg_file_name": f"{name}_panoptic.png",
        "height": height,
        "width": width,
        "segments_info": [{"id": IDS[k], "category_id": classes.index(k)} for k in COLORS],
        "relations": [[1, 2, 0], [1, 0, 1]],
    }
