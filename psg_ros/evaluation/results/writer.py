# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scene graphs -> a results folder; its layout: `psg_ros.evaluation.results.format`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import yaml

from psg_ros.evaluation.metrics.evaluation_report import json_text
from psg_ros.evaluation.results.format import FORMAT, RESULTS_FILE
from psg_ros.files import write_text
from psg_ros.labels import Vocabulary
from psg_ros.robot.manifest import LABELS_FILE
from psg_ros.scene_graph import RelationScores, SceneGraph

MAX_SEGMENTS = 65_535
"""What a 16-bit PNG can tell apart, void being 0."""


class ResultsWriter:
    """Writes images as they come and the list of them when the block ends without an error.

    Args:
        folder: made if need be; must be empty.
        model: free text by name, shown in reports.
        data: `PanopticDataset.fingerprint` of what is predicted on; None leaves open what may judge
            the results.

    Raises:
        FileExistsError: the folder holds something.
    """

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        task: str,
        model: Mapping[str, str],
        data: Mapping[str, Any] | None = None,
    ) -> None:
        if folder.is_dir() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} is not empty; results need a folder of their own")
        self._folder = folder
        self._content: dict[str, Any] = {"format": FORMAT, "task": task, "model": dict(model)}
        if data is not None:
            self._content["data"] = dict(data)
        self._entries: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / LABELS_FILE, _vocabulary_text(vocabulary))

    def add(self, image_id: str, graph: SceneGraph) -> None:
        """Write one image.

        Raises:
            ValueError: the graph has no relation_scores, or too many segments.
        """
        if graph.relation_scores is None:
            raise ValueError(f"image {image_id}: the graph has no relation_scores; keep them")
        segmentation = graph.segmentation
        name = f"{len(self._entries):06d}"
        entry = {
            "image_id": image_id,
            "labels": segmentation.labels.tolist(),
            "scores": segmentation.scores.tolist(),
            "segments": f"{name}.png",
            "relations": f"{name}.npz",
        }
        (self._folder / f"{name}.png").write_bytes(_segments_png(segmentation.label_map))
        _write_relations(self._folder / f"{name}.npz", graph, graph.relation_scores)
        self._entries.append(entry)

    def __enter__(self) -> ResultsWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            content = {**self._content, "images": self._entries}
            write_text(self._folder / RESULTS_FILE, json_text(content))


def _segments_png(label_map: np.ndarray) -> bytes:
    highest = int(label_map.max(initial=-1)) + 1
    if highest > MAX_SEGMENTS:
        raise ValueError(f"{highest} segments, but a PNG holds {MAX_SEGMENTS}")
    depth = np.uint8 if highest < 256 else np.uint16
    _, content = cv2.imencode(".png", (label_map + 1).astype(depth))
    return content.tobytes()


def _write_relations(path: Path, graph: SceneGraph, scores: RelationScores) -> None:
    listed = [(r.subject, r.object, r.predicate) for r in graph.relations]
    listed_scores = [(r.score, r.probability) for r in graph.relations]
    rank: dict[str, Any] = {} if scores.rank is None else {"rank": scores.rank}
    np.savez_compressed(
        path,
        **rank,
        pairs=scores.pairs,
        logits=scores.logits,
        listed=np.array(listed, np.int32).reshape(-1, 3),
        listed_scores=np.array(listed_scores, np.float64).reshape(-1, 2),
    )


def _vocabulary_text(vocabulary: Vocabulary) -> str:
    def entries(is_thing: bool) -> list[dict[str, str]]:
        chosen = (label for label in vocabulary.labels if label.is_thing == is_thing)
        return [{"name": e.name, "color": f"#{bytes(e.color_rgb).hex()}"} for e in chosen]

    predicates = [
        {"name": p.name, "inverse": p.inverse, "symmetric": p.symmetric}
        for p in vocabulary.predicates
    ]
    content = {"things": entries(True), "stuff": entries(False), "predicates": predicates}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
