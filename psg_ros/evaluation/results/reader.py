# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A results folder -> scene graphs; its layout: `psg_ros.evaluation.results.format`.

Folders may come from anywhere: nothing is unpickled, no file outside the folder is opened, and
whatever does not fit is an error that names file and image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from psg_ros.evaluation.metrics.evaluator import Task
from psg_ros.evaluation.metrics.overlapping import OverlappingMasks, reduce_overlaps
from psg_ros.evaluation.results.format import FORMAT, RESULTS_FILE
from psg_ros.evaluation.results.relations import StoredRelations, read_relations
from psg_ros.evaluation.results.rle import decode_rle
from psg_ros.labels import Vocabulary, load_vocabulary
from psg_ros.pictures.picture_file import read_samples
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.manifest import LABELS_FILE
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.scene_graph import SceneGraph, SceneRelation, Segmentation

MAX_LISTED = 100
"""Relations of a graph whose method does not say which it lists."""


@dataclass(frozen=True)
class StoredPrediction:
    """One image of a results folder: the graph, and the masks it was made of if they overlap."""

    graph: SceneGraph
    overlapping: OverlappingMasks | None = None


class Results:
    """An opened results folder; images are read when asked for and not kept.

    Attributes:
        file: the list of results.
        task, model: of the file.
        data: fingerprint of the data set that was predicted on, None where the file has none.
        vocabulary: what labels and predicates mean.

    Raises:
        FileNotFoundError: no results.json, no labels.yaml.
        ValueError: a file that is not in this layout, or an image listed twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.file = folder.resolve(), folder / RESULTS_FILE
        content = _read_json(self.file)
        self.task: Task = content["task"]
        self.model: dict[str, str] = {str(k): str(v) for k, v in content["model"].items()}
        self.data: dict[str, Any] | None = content.get("data")
        self.vocabulary: Vocabulary = load_vocabulary(folder / LABELS_FILE)
        self._entries = {entry["image_id"]: entry for entry in content["images"]}
        if len(self._entries) < len(content["images"]):
            raise ValueError(f"{self.file} lists an image more than once")

    @property
    def image_ids(self) -> frozenset[str]:
        """Images that have an entry."""
        return frozenset(self._entries)

    def read(self, image_id: str) -> StoredPrediction | None:
        """Return what the folder says of an image, None where it has no entry.

        Raises:
            FileNotFoundError: a file that the entry names is missing.
            ValueError: the entry or one of its files is damaged; the message names both.
        """
        entry = self._entries.get(image_id)
        if entry is None:
            return None
        try:
            return self._read(entry)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{self.file}, image {image_id}: {error}") from error
        except (KeyError, TypeError, ValueError, OSError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{self.file}, image {image_id}: {reason}") from error

    def _read(self, entry: Mapping[str, Any]) -> StoredPrediction:
        labels, scores = self._labels(entry), _scores(entry)
        stored = read_relations(self._path(entry["relations"]), len(labels))
        if "masks" not in entry:
            label_map = _read_segments(self._path(entry["segments"]))
            segmentation = Segmentation(label_map, labels, scores)
            return StoredPrediction(self._graph(segmentation, stored))
        if not entry["masks"]:
            raise ValueError("masks is empty; an image without any mask needs `segments`, all 0")
        masks = np.stack([decode_rle(rle) for rle in entry["masks"]])
        overlapping = OverlappingMasks(masks, labels, scores, stored.scores)
        segmentation, relations = reduce_overlaps(overlapping)
        graph = self._graph(segmentation, StoredRelations(relations, None))
        return StoredPrediction(graph, overlapping)

    def _labels(self, entry: Mapping[str, Any]) -> np.ndarray:
        labels, count = entry["labels"], self.vocabulary.num_labels
        if not all(type(label) is int and 0 <= label < count for label in labels):
            raise ValueError(f"labels must be integers in 0 .. {count - 1}, not {labels}")
        return np.array(labels, np.int64)

    def _graph(self, segmentation: Segmentation, stored: StoredRelations) -> SceneGraph:
        listed = stored.listed
        if listed is None:
            best = rank_relations(stored.scores, limit=MAX_LISTED)
            listed = [(*triplet, math.nan) for triplet in best]
        names = self.vocabulary.predicate_names
        if any(predicate >= len(names) for _, _, predicate, _, _ in listed):
            raise ValueError(f"a predicate beyond the {len(names)} of {LABELS_FILE}")
        relations = tuple(
            SceneRelation(subject, other, predicate, names[predicate], score, probability)
            for subject, other, predicate, score, probability in listed
        )
        regions = measure_regions(segmentation.label_map, segmentation.num_segments)
        nodes = describe_nodes(segmentation, regions, self.vocabulary)
        return SceneGraph(segmentation, nodes, relations, stored.scores)

    def _path(self, name: str) -> Path:
        path = self._folder / name
        if not path.resolve().is_relative_to(self._folder):
            raise ValueError(f"{name} lies outside the folder")
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing")
        return path


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; results are a folder with {RESULTS_FILE} and {LABELS_FILE}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path}: this version reads format {FORMAT}, not {found!r}")
    if content.get("task") not in get_args(Task):
        known = ", ".join(get_args(Task))
        raise ValueError(f"{path}: task must be one of {known}, not {content.get('task')!r}")
    if not isinstance(content.get("model"), dict):
        raise ValueError(f'{path}: model must be like {{"name": "mine"}}')
    if not isinstance(content.get("data"), (dict, type(None))):
        raise ValueError(f"{path}: data must be the fingerprint of a data set, or be left out")
    _check_entries(path, content.get("images"))
    return content


def _check_entries(path: Path, entries: Any) -> None:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path}: images must be a list of entries")
    odd = [entry.get("image_id") for entry in entries if not isinstance(entry.get("image_id"), str)]
    if odd:
        raise ValueError(f"{path}: every image_id must be text, not {odd[0]!r}")


def _scores(entry: Mapping[str, Any]) -> np.ndarray:
    scores = np.array(entry["scores"], np.float64)
    if scores.ndim != 1 or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(f"scores must be numbers in 0 .. 1, not {entry['scores']}")
    return scores.astype(np.float32)


def _read_segments(path: Path) -> np.ndarray:
    """Return the label map int32 [height, width] of a PNG."""
    picture = read_samples(path)
    if picture.ndim != 2:
        raise ValueError(f"{path} must be grey, of 8 or 16 bit, not in colours")
    return picture.astype(np.int32) - 1
