# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A REACT++ small enough to write in a test: interface and metadata of the published files.

It has a list of boxes, and finds each where the pixel in the middle of the box has its colour: RGB,
0..1, at the very place where the letterbox must put it. Relations of boxes that are not found are
left out, and the rest is numbered anew, as the published networks do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx_writing import FLOAT, network, node
from tiny_model import COLORS, PREDICATES

from psg_ros.robot.manifest import TensorSpec

INT64 = 7
LABELS = tuple(COLORS)
WORDS = ("__background__", *PREDICATES)
"""As in the published files: predicates are counted from 1, labels too, but without this entry."""


@dataclass(frozen=True)
class TinyBox:
    """A box that the network may find, in px of its input.

    Attributes:
        color: in the middle of the box when it is found.
        label: number, from 1; None: that of the colour's name.
    """

    color: str
    xyxy: tuple[float, float, float, float]
    score: float = 0.9
    label: float | None = None

    @property
    def row(self) -> list[float]:
        """Row of the output."""
        label = LABELS.index(self.color) + 1 if self.label is None else self.label
        return [*self.xyxy, label, self.score]

    @property
    def middle(self) -> tuple[int, int]:
        """Column and row."""
        left, top, right, bottom = self.xyxy
        return int((left + right) / 2), int((top + bottom) / 2)


def metadata(labels: Sequence[str] = LABELS, predicates: Sequence[str] = WORDS) -> dict[str, str]:
    """Return the names as a published file carries them."""
    return {"obj_classes": json.dumps(list(labels)), "rel_classes": json.dumps(list(predicates))}


def write_react(
    path: Path,
    boxes: Sequence[TinyBox],
    relations: Sequence[tuple[float, float, float, float, float]],
    *,
    input_hw: tuple[int, int] = (64, 64),
    notes: Mapping[str, str] | None = None,
    free_columns: bool = False,
    fails_on_nothing: bool = False,
) -> Path:
    """Write the network; return its path.

    Args:
        relations: (subject, object, predicate from 1, triplet score, relation score).
        notes: the file's metadata; None: `metadata()`.
        free_columns: leave out of the file how many columns the outputs have.
        fails_on_nothing: give no empty list of boxes, as a network that was traced on a picture
            with boxes (with ONNX Runtime; OpenVINO lets it pass).
    """
    height, width = input_hw
    places = [row * width + column for column, row in (box.middle for box in boxes)]
    colors = np.array([COLORS[box.color] for box in boxes], np.float32).reshape(-1, 3) / 255
    table = np.array(relations, np.float32).reshape(-1, 5)
    constants = {
        "pixel_list": np.array([3, -1]),
        "places": np.array(places, np.int64),
        "colors": colors.T.copy(),
        "tolerance": np.float32(0.05),
        "first_axis": np.array([0]),
        "axis": np.int64(0),
        "one": np.int64(1),
        "zero": np.float32(0),
        "rows": np.array([box.row for box in boxes], np.float32).reshape(-1, 6),
        "subjects": table[:, 0].astype(np.int64),
        "objects": table[:, 1].astype(np.int64),
        "rest": table[:, 2:].copy(),
        "last_axis": np.array([1]),
    }
    nodes = [
        node("Squeeze", ["input", "first_axis"], ["planes"]),
        node("Reshape", ["planes", "pixel_list"], ["pixels"]),
        node("Gather", ["pixels", "places"], ["seen"], axis=1),
        node("Sub", ["seen", "colors"], ["difference"]),
        node("Abs", ["difference"], ["distance"]),
        node("ReduceMax", ["distance", "first_axis"], ["farthest"], keepdims=0),
        node("Less", ["farthest", "tolerance"], ["found"]),
        node("Compress", ["rows", "found"], ["kept"], axis=0),
        node("Gather", ["kept", "first_axis"], ["first"], axis=0),
        node("Sub", ["first", "first"], ["zeros"]),
        node("Add", ["kept", "zeros"] if fails_on_nothing else ["kept", "zero"], ["boxes"]),
        node("Cast", ["found"], ["ones"], to=INT64),
        node("CumSum", ["ones", "axis"], ["count"]),
        node("Sub", ["count", "one"], ["number"]),
    ]
    for end in ("subjects", "objects"):
        nodes += [
            node("Gather", ["found", end], [f"{end}_found"], axis=0),
            node("Gather", ["number", end], [f"{end}_number"], axis=0),
            node("Cast", [f"{end}_number"], [f"{end}_float"], to=FLOAT),
            node("Unsqueeze", [f"{end}_float", "last_axis"], [f"{end}_column"]),
        ]
    nodes += [
        node("And", ["subjects_found", "objects_found"], ["both_found"]),
        node("Concat", ["subjects_column", "objects_column", "rest"], ["all_rels"], axis=1),
        node("Compress", ["all_rels", "both_found"], ["rels"], axis=0),
    ]
    columns = (-1, -1) if free_columns else (6, 5)
    content = network(
        "react",
        nodes,
        [TensorSpec("input", "float32", (-1, 3, height, width))],
        [
            TensorSpec("boxes", "float32", (-1, columns[0])),
            TensorSpec("rels", "float32", (-1, columns[1])),
        ],
        constants,
        free_axes={"input": "batch_size", "boxes": "num_objects", "rels": "num_rels"},
        metadata=metadata() if notes is None else notes,
    )
    path.write_bytes(content)
    return path
