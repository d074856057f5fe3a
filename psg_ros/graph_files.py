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
from psg_ros.scene_graph import Quality, SceneGraph, SceneNode, SceneRelation


def graph_record(graph: SceneGraph) -> dict[str, Any]:
    """Return a scene graph as plain JSON values.

    Names and meaning are those of the messages. Without tracking, ids number the segments of this
    image from 1. Boxes are [left, top, right, bottom] in px of the image, right and bottom
    exclusive; scores lie in [0, 1]; relations are sorted by probability where the model is
    calibrated, otherwise by score, highest first. A score or probability that is not known is null;
    what else was not measured is left out: `track_state`, `first_seen` and `segment_id` without
    tracking, `position`, `position_covariance` and `size` without depth, `state` and `since` of
    relations.
    """
    height, width = graph.segmentation.image_hw
    record: dict[str, Any] = {"width": width, "height": height}
    if graph.spatial_frame_id:
        record["spatial_frame_id"] = graph.spatial_frame_id
    if graph.quality is not Quality.FULL:
        record["quality"] = graph.quality.name.lower()
    nodes = [_node_record(node) for node in graph.nodes]
    relations = [_relation_record(graph, relation) for relation in graph.relations]
    return {**record, "nodes": nodes, "relations": relations}


def stamp_record(nanoseconds: int) -> dict[str, int]:
    """Return a time as ROS writes it in JSON."""
    sec, nanosec = divmod(nanoseconds, 1_000_000_000)
    return {"sec": sec, "nanosec": nanosec}


def _node_record(node: SceneNode) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": node.id,
        "class_name": node.class_name,
        "class_id": node.label,
        "is_thing": node.is_thing,
        "score": round(float(node.score), 6),
        "bbox": list(node.bbox_xyxy),
        "area_px": node.area_px,
    }
    if node.track is not None:
        record["segment_id"] = node.segment + 1
        record["track_state"] = node.track.state.name.lower()
        record["first_seen"] = stamp_record(node.track.first_seen_ns)
    if node.position is not None:
        record["position"] = list(node.position.xyz_m)
        record["position_covariance"] = list(node.position.covariance_m2)
        record["size"] = list(node.position.size_m)
    return record


def _relation_record(graph: SceneGraph, relation: SceneRelation) -> dict[str, Any]:
    record: dict[str, Any] = {
        "subject_id": graph.nodes[relation.subject].id,
        "object_id": graph.nodes[relation.object].id,
        "predicate_name": relation.predicate_name,
        "predicate_id": relation.predicate,
        "score": _number_or_none(relation.score),
        "probability": _number_or_none(relation.probability),
        "source": relation.source.name.lower(),
    }
    if relation.state is not None:
        record["state"] = relation.state.name.lower()
    if relation.since_ns is not None:
        record["since"] = stamp_record(relation.since_ns)
    return record


def _number_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), 6)


def relation_line(graph: SceneGraph, relation: SceneRelation) -> str:
    """Return `person #1 -- on --> chair #2   0.83`; the number is what relations are sorted by."""
    subject, other = graph.nodes[relation.subject], graph.nodes[relation.object]
    triplet = (
        f"{subject.class_name} #{subject.id} -- {relation.predicate_name} --> "
        f"{other.class_name} #{other.id}"
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
