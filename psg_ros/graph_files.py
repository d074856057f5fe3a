# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scene graphs as text: JSON files for programs, lines for people."""

from __future__ import annotations

import json
import math
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from psg_ros.files import check_writable, replacing
from psg_ros.scene_graph import SceneGraph, SceneRelation


def graph_record(graph: SceneGraph) -> dict[str, Any]:
    """Return a scene graph as plain JSON values.

    Ids number the segments of this image from 1, as in the label image (0 is void there). Boxes are
    [left, top, right, bottom] in px of the image, right and bottom exclusive; scores lie in [0, 1];
    relations are sorted by probability where the model is calibrated, otherwise by score, highest
    first; a probability that is not known is null.
    """
    height, width = graph.segmentation.image_hw
    nodes = [
        {
            "id": node.segment + 1,
            "class_name": node.class_name,
            "class_id": node.label,
            "is_thing": node.is_thing,
            "score": round(float(node.score), 6),
            "bbox": list(node.bbox_xyxy),
            "area_px": node.area_px,
        }
        for node in graph.nodes
    ]
    relations = [
        {
            "subject_id": graph.nodes[relation.subject].segment + 1,
            "object_id": graph.nodes[relation.object].segment + 1,
            "predicate_name": relation.predicate_name,
            "predicate_id": relation.predicate,
            "score": round(float(relation.score), 6),
            "probability": _number_or_none(relation.probability),
        }
        for relation in graph.relations
    ]
    return {"width": width, "height": height, "nodes": nodes, "relations": relations}


def _number_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), 6)


def segment_ids(graph: SceneGraph) -> list[int]:
    """Return the number of each node in records, lines and drawings: its segment's, from 1."""
    return [node.segment + 1 for node in graph.nodes]


def relation_line(graph: SceneGraph, relation: SceneRelation) -> str:
    """Return `person #1 -- on --> chair #2   0.83`; the number is what relations are sorted by."""
    subject, other = graph.nodes[relation.subject], graph.nodes[relation.object]
    triplet = (
        f"{subject.class_name} #{subject.segment + 1} -- {relation.predicate_name} --> "
        f"{other.class_name} #{other.segment + 1}"
    )
    return f"{triplet:<52} {relation.confidence:.2f}"


class GraphFile(AbstractContextManager["GraphFile"]):
    """Writes records to one file, which appears, whole, when the block ends without an error.

    Args:
        path: where to; `-` is standard output. The ending .jsonl asks for one record a line.
        is_single: there is one record, which is the whole file; otherwise they form a list
            (standard output always gets lines then, so that a reader need not wait for the end).
    """

    def __init__(self, path: Path, is_single: bool) -> None:
        self._stack = ExitStack()
        self._is_stdout = str(path) == "-"
        is_lines = self._is_stdout or path.suffix.lower() == ".jsonl"
        self._layout = "single" if is_single else "lines" if is_lines else "list"
        self._path, self._count = path, 0
        self._file: TextIO = sys.stdout
        if not self._is_stdout:
            check_writable(path)

    def __enter__(self) -> GraphFile:
        if not self._is_stdout:
            temporary = self._stack.enter_context(replacing(self._path))
            self._file = self._stack.enter_context(temporary.open("w", encoding="utf-8"))
        return self

    def write(self, record: dict[str, Any]) -> None:
        """Append one record.

        The text is ASCII, so that names that are not UTF-8 survive: a byte that is none becomes an
        escaped surrogate, which `os.fsencode` of Python turns back.
        """
        text = json.dumps(record)
        if self._layout == "list":
            text = (",\n" if self._count else "[\n") + text
        else:
            text += "\n"
        # At once, so that Ctrl-C leaves no half of a record.
        self._file.write(text)
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._layout == "list" and error is None:
            self._file.write("\n]\n" if self._count else "[]\n")
        self._stack.__exit__(kind, error, trace)
