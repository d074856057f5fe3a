# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of the PSG layout: one JSON plus one panoptic PNG per image.

Data set ids end here: what leaves this file are indices of the caller's vocabulary, joined by name.
Layout: Yang et al., «Panoptic Scene Graph Generation», ECCV 2022. Paths in the JSON are relative to
its folder. Keys `test_image_ids` and, optionally, `val_image_ids` name the splits; the rest trains.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.labels import Vocabulary
from psg_ros.scene_graph import VOID, Segmentation

SPLITS = ("train", "val", "test")
ANNOTATION_FILE = "psg.json"


class PsgDataset(Sequence[AnnotatedImage]):
    """The images of one split; a PNG is decoded when its item is asked for and not kept."""

    def __init__(
        self, root: Path, entries: list[dict[str, Any]], labels: list[int], predicates: list[int]
    ) -> None:
        self.root = root
        self._entries = entries
        self._labels = np.array(labels, np.int64)
        self._predicates = np.array(predicates, np.int64)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._read(self._entries[index])

    def _read(self, entry: dict[str, Any]) -> AnnotatedImage:
        where = f"image {entry['image_id']}"
        try:
            infos, image_path = entry["segments_info"], self.root / entry["file_name"]
            segmentation = self._segmentation(entry, where)
            triplets = self._triplets(entry["relations"], where)
            crowd = np.array([bool(info.get("iscrowd", 0)) for info in infos], bool)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{where} is not in PSG's layout: {error!r}") from error
        return AnnotatedImage(str(entry["image_id"]), image_path, segmentation, triplets, crowd)

    def _segmentation(self, entry: dict[str, Any], where: str) -> Segmentation:
        infos = entry["segments_info"]
        path = self.root / entry["pan_seg_file_name"]
        label_map = read_panoptic_png(path, [info["id"] for info in infos])
        expected = (entry["height"], entry["width"])
        if label_map.shape != expected:
            raise ValueError(f"{where}: {path} is {label_map.shape}, the JSON says {expected}")
        categories = [info["category_id"] for info in infos]
        self._check_range(where, "category_id", categories, len(self._labels))
        return Segmentation(label_map, self._labels[categories], np.ones(len(infos), np.float32))

    def _triplets(self, relations: list[list[int]], where: str) -> np.ndarray:
        wrong = [relation for relation in relations if len(relation) != 3]
        if wrong:
            raise ValueError(
                f"{where}: relations must be [subject, object, predicate], not {wrong}"
            )
        self._check_range(where, "predicate", [r[2] for r in relations], len(self._predicates))
        triplets = np.array(relations, np.int64).reshape(-1, 3)
        triplets[:, 2] = self._predicates[triplets[:, 2]]
        return triplets

    @staticmethod
    def _check_range(where: str, name: str, values: list[int], limit: int) -> None:
        wrong = [value for value in values if not 0 <= value < limit]
        if wrong:
            raise ValueError(f"{where}: {name} {wrong} outside 0 .. {limit - 1}")


def load_psg(path: Path, vocabulary: Vocabulary, split: str) -> PsgDataset:
    """Open one split of a data set in PSG layout.

    Args:
        path: the JSON file, or a folder that holds `psg.json`.
        vocabulary: what the indices of the result mean; joined with the file's class names.
        split: train, val or test.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not PSG's layout, an empty split, or classes that the vocabulary does not know.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    file = Path(path) / ANNOTATION_FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        what = f"a PSG data set is a folder with {ANNOTATION_FILE}"
        raise FileNotFoundError(f"{file} does not exist; {what}")
    try:
        content = json.loads(file.read_text())
        class_names = [*content["thing_classes"], *content["stuff_classes"]]
        predicate_names = content["predicate_classes"]
        entries = _of_split(content, split)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is not in PSG's layout: {error!r}") from error
    if not entries:
        raise ValueError(f"{file} has no images in its {split} split")
    try:
        labels = vocabulary.label_index(class_names)
        predicates = vocabulary.predicate_index(predicate_names)
    except KeyError as error:
        raise ValueError(f"{file} does not fit the model's vocabulary: {error.args[0]}") from error
    return PsgDataset(file.parent, entries, labels, predicates)


def read_panoptic_png(path: Path, segment_ids: list[int]) -> np.ndarray:
    """Return int32 [height, width]: the index into `segment_ids` of every pixel, or void.

    The id of a pixel is R + 256 G + 65536 B; 0 and ids that are not listed are void.

    Raises:
        FileNotFoundError: the file is missing or not a picture.
    """
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{path} is missing or not a readable PNG")
    ids = bgr.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    order = np.argsort(segment_ids)
    known = np.array(segment_ids, np.int64)[order]
    if not len(known):
        return np.full(ids.shape, VOID, np.int32)
    place = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[place] == ids, order[place], VOID).astype(np.int32)


def read_rgb(path: Path) -> np.ndarray:
    """Return uint8 [height, width, 3] RGB; raises FileNotFoundError when it cannot be read."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(f"{path} is missing or not a readable image")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _of_split(content: dict[str, Any], split: str) -> list[dict[str, Any]]:
    held_out = {
        name: {str(i) for i in content.get(f"{name}_image_ids", [])} for name in ("val", "test")
    }
    entries = content["data"]
    if split == "train":
        excluded = held_out["val"] | held_out["test"]
        return [entry for entry in entries if str(entry["image_id"]) not in excluded]
    return [entry for entry in entries if str(entry["image_id"]) in held_out[split]]
