# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lessons on disk, in PSG's layout: a picture and its panoptic PNG, then one JSON file for all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from psg_ros.data.psg import ANNOTATION_FILE
from psg_ros.drawing.annotated_files import write_image
from psg_ros.files import write_text
from psg_ros.labelling.judgement import Lesson
from psg_ros.labels import ObjectLabel, Vocabulary
from psg_ros.robot.manifest import LABELS_FILE
from psg_ros.robot.ops.regions import measure_regions

IMAGES, PANOPTIC = "images", "panoptic"
Entry = dict[str, Any]


def write_picture(
    folder: Path,
    image_id: str,
    image_rgb: np.ndarray,
    lesson: Lesson,
    vocabulary: Vocabulary,
    source: str,
) -> Entry:
    """Write a picture and its panoptic PNG (id = R + 256 G + 65536 B; 0 is void).

    Args:
        image_rgb: uint8 [height, width, 3], RGB.
        source: who says so; stands at the entry.

    Returns:
        PSG's entry. Besides PSG's keys a segment has its score, and the entry the scores of its
        relations, in their order.
    """
    for name in (IMAGES, PANOPTIC):
        (folder / name).mkdir(exist_ok=True)
    image_file, panoptic_file = f"{IMAGES}/{image_id}.jpg", f"{PANOPTIC}/{image_id}.png"
    write_image(folder / image_file, image_rgb)
    ids = (lesson.segmentation.label_map + 1).astype("<u4")
    write_image(folder / panoptic_file, ids.view(np.uint8).reshape(*ids.shape, 4)[..., :3].copy())
    return {
        "file_name": image_file,
        "height": image_rgb.shape[0],
        "width": image_rgb.shape[1],
        "image_id": image_id,
        "pan_seg_file_name": panoptic_file,
        **_segments(lesson, vocabulary),
        "relations": [[r.subject, r.object, r.predicate] for r in lesson.relations],
        "relation_scores": [round(r.score, 4) for r in lesson.relations],
        "source": source,
    }


def write_annotations(folder: Path, entries: Iterable[Entry], vocabulary: Vocabulary) -> Path:
    """Write psg.json and labels.yaml; return the path of the first."""
    write_text(folder / LABELS_FILE, vocabulary_yaml(vocabulary))
    path = folder / ANNOTATION_FILE
    content = {
        "data": list(entries),
        "thing_classes": [label.name for label in vocabulary.labels if label.is_thing],
        "stuff_classes": [label.name for label in vocabulary.labels if not label.is_thing],
        "predicate_classes": list(vocabulary.predicate_names),
        "test_image_ids": [],
    }
    write_text(path, json.dumps(content, separators=(",", ":")))
    return path


def vocabulary_yaml(vocabulary: Vocabulary) -> str:
    """Return a vocabulary as `psg_ros.labels.load_vocabulary` reads it."""
    predicates = [
        {"name": one.name, "inverse": one.inverse, "symmetric": one.symmetric}
        for one in vocabulary.predicates
    ]
    content = {
        "things": [_named(label) for label in vocabulary.labels if label.is_thing],
        "stuff": [_named(label) for label in vocabulary.labels if not label.is_thing],
        "predicates": predicates,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _named(label: ObjectLabel) -> dict[str, str]:
    return {"name": label.name, "color": f"#{bytes(label.color_rgb).hex()}"}


def _segments(lesson: Lesson, vocabulary: Vocabulary) -> dict[str, list[Entry]]:
    """Return segments_info, and annotations with corners as PSG has them."""
    said = lesson.segmentation
    regions = measure_regions(said.label_map, said.num_segments)
    infos, annotations = [], []
    for index, label in enumerate(said.labels.tolist()):
        infos.append({
            "id": index + 1,
            "category_id": label,
            "isthing": int(vocabulary.labels[label].is_thing),
            "iscrowd": 0,
            "area": int(regions.area[index]),
            "score": round(float(said.scores[index]), 4),
        })  # fmt: skip
        box = [float(edge) for edge in regions.bbox_xyxy[index]]
        annotations.append({"bbox": box, "bbox_mode": 0, "category_id": label})
    return {"segments_info": infos, "annotations": annotations}
