# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PSG's file layout: a finished scene's pictures and its entries, then the one JSON file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from psg_ros.files import write_text
from psg_ros.simulation.catalog import PREDICATES, STUFF_CLASSES, THING_CLASSES
from psg_ros.simulation.frame import SimulatedFrame
from psg_ros.simulation.truth import segment_boxes

JPEG_QUALITY = 95
Entry = dict[str, Any]


def write_scene(
    folder: Path, frames: list[SimulatedFrame], first_id: int, *, split: str, depth: bool
) -> list[Entry]:
    """Write the frames of one scene into a new folder, which appears only once complete.

    Args:
        folder: Folder of the scene; a left-over of an interrupted run is replaced.
        frames: Pictures with their truth.
        first_id: Image id of the first frame; the others follow.
        split: Goes into the entries, so that the JSON file can be written from them.
        depth: Also write depth pictures, 16 bits, millimetres.

    Returns:
        One entry of PSG's ``data`` list for each frame.
    """
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    entries = []
    for offset, frame in enumerate(frames):
        name = f"{first_id + offset:06d}"
        write_image(
            temporary / f"{name}.jpg", frame.rgb[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY
        )
        # OpenCV writes BGR, the id is R + 256 G + 65536 B: with ids below 256 only R is used.
        panoptic = np.zeros((*frame.label_map.shape, 3), np.uint8)
        panoptic[..., 2] = frame.label_map + 1
        write_image(temporary / f"{name}.png", panoptic, cv2.IMWRITE_PNG_COMPRESSION, 6)
        if depth:
            millimetres = np.clip(frame.depth * 1000, 0, 65535).astype(np.uint16)
            write_image(
                temporary / f"{name}.depth.png", millimetres, cv2.IMWRITE_PNG_COMPRESSION, 6
            )
        entries.append(make_entry(frame, name))
    write_text(temporary / "entries.json", json.dumps({"split": split, "entries": entries}))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)
    return entries


def write_image(path: Path, image: np.ndarray, option: int, value: int) -> None:
    """Write a picture.

    Raises:
        OSError: the disk refused it.
    """
    # Not cv2.imwrite: it cannot take every file name.
    path.write_bytes(cv2.imencode(path.suffix, image, [option, value])[1].tobytes())


def make_entry(frame: SimulatedFrame, name: str) -> Entry:
    """PSG's description of one frame; segment k has the id k + 1 in the panoptic picture."""
    count = len(frame.labels)
    boxes = segment_boxes(frame.label_map, count)
    areas = np.bincount(frame.label_map[frame.label_map >= 0], minlength=count)
    height, width = frame.label_map.shape
    segments = [
        {
            "id": k + 1,
            "category_id": int(label),
            "isthing": int(label < len(THING_CLASSES)),
            "iscrowd": 0,
            "area": int(areas[k]),
        }
        for k, label in enumerate(frame.labels)
    ]
    annotations = [
        {"bbox": [float(value) for value in boxes[k]], "bbox_mode": 0, "category_id": int(label)}
        for k, label in enumerate(frame.labels)
    ]
    return {
        "file_name": f"images/{name}.jpg",
        "height": height,
        "width": width,
        "image_id": name,
        "coco_image_id": name,
        "pan_seg_file_name": f"panoptic/{name}.png",
        "segments_info": segments,
        "annotations": annotations,
        "relations": [[int(value) for value in relation] for relation in frame.relations],
    }


def collect(scenes: list[Path], out: Path) -> Path:
    """Move the pictures of finished scenes to their final folders and write ``psg.json``.

    Args:
        scenes: Folders written by ``write_scene``, in the order of the JSON file.
        out: Folder of the data set.

    Returns:
        Path of the JSON file.
    """
    for name in ("images", "panoptic"):
        (out / name).mkdir(exist_ok=True)
    data: list[Entry] = []
    split_ids: dict[str, list[str]] = {"val": [], "test": []}
    for scene in scenes:
        record = json.loads((scene / "entries.json").read_text(encoding="utf-8"))
        data += record["entries"]
        ids = [entry["image_id"] for entry in record["entries"]]
        split_ids.setdefault(record["split"], []).extend(ids)
        _move_pictures(scene, out)
    path = out / "psg.json"
    content = {
        "data": data,
        "thing_classes": list(THING_CLASSES),
        "stuff_classes": list(STUFF_CLASSES),
        "predicate_classes": list(PREDICATES),
        "test_image_ids": split_ids["test"],
        "val_image_ids": split_ids["val"],
    }
    write_text(path, json.dumps(content, separators=(",", ":")))
    return path


def _move_pictures(scene: Path, out: Path) -> None:
    """Repeatable: pictures that an interrupted run moved already are simply no longer there."""
    for picture in sorted(scene.glob("*.jpg")):
        os.replace(picture, out / "images" / picture.name)
    for picture in sorted(scene.glob("*.png")):
        if picture.name.endswith(".depth.png"):
            (out / "depth").mkdir(exist_ok=True)
            target = out / "depth" / picture.name.replace(".depth", "")
        else:
            target = out / "panoptic" / picture.name
        os.replace(picture, target)
