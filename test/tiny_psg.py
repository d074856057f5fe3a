# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A set in PSG layout, small enough to write in a test: coloured boxes on a coloured ground."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

THINGS, STUFF, PREDICATES = ["box", "ball"], ["ground"], ["beside", "on"]
COLORS = {"ground": (40, 40, 200), "box": (220, 40, 40), "ball": (40, 220, 40)}
"""Class -> RGB; what is black belongs to no segment."""
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
