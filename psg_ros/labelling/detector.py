# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Detector: YOLOX's output -> boxes with names and scores (Ge et al., "YOLOX", 2021)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from psg_ros.labelling.network import Network
from psg_ros.labelling.recipe import DetectorRecipe
from psg_ros.robot.ops.boxes import box_iou
from psg_ros.robot.ops.image import place, write_content

STRIDES = (8, 16, 32)
"""Px per cell of the three grids of YOLOX, in the order of its rows."""
GREY = 114
"""What YOLOX was trained to see beside a picture of another aspect ratio."""
MOST_LOG_SIZE = 10.0
"""Of a side, in cells; a network that says more is broken, and exp would overflow."""
SAME_IOU = 0.5
"""A box of the mirrored picture is the same thing above this."""


@dataclass(frozen=True)
class Box:
    """A detection; corners (left, top, right, bottom) in px of the picture, clipped to it.

    Attributes:
        score: 0..1.
    """

    name: str
    score: float
    xyxy: tuple[int, int, int, int]

    @property
    def area(self) -> int:
        """Px."""
        left, top, right, bottom = self.xyxy
        return (right - left) * (bottom - top)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        left, top, right, bottom = self.xyxy
        return slice(top, bottom), slice(left, right)


class Detector:
    """Asks a YOLOX network; see `DetectorRecipe`."""

    def __init__(self, network: Network, recipe: DetectorRecipe) -> None:
        """Raise ValueError for an output that is not YOLOX's of these classes."""
        self._network, self._recipe = network, recipe
        self._cells, self._strides = _grid(network.input_hw)
        expected = (1, len(self._cells), 5 + len(recipe.classes))
        (tensor,) = recipe.net.outputs
        if tensor.shape != expected:
            raise ValueError(
                f"{recipe.net.file}: the output must be {list(expected)} for {list(STRIDES)} px a "
                f"cell and {len(recipe.classes)} classes, not {list(tensor.shape)}"
            )

    def __call__(self, image_rgb: np.ndarray) -> list[Box]:
        """Return the boxes in an image uint8 [height, width, 3] RGB, best first.

        Scores are the detector's, times the trust in the class.
        """
        boxes = self._detect(image_rgb)
        if self._recipe.mirrored:
            width = image_rgb.shape[1]
            mirrored = [_turned(box, width) for box in self._detect(image_rgb[:, ::-1])]
            boxes = [self._confirmed(box, mirrored) for box in boxes]
        boxes = [box for box in boxes if box.score >= self._recipe.score]
        kept: list[Box] = []
        for box in sorted(boxes, key=lambda box: -box.score):
            if all(overlap(box, other) <= self._recipe.rival_iou for other in kept):
                kept.append(box)
        trust = self._recipe.trust
        return [replace(box, score=box.score * trust.get(box.name, 1.0)) for box in kept]

    def close(self) -> None:
        """Release the network; may be called twice."""
        self._network.close()

    def _detect(self, image_rgb: np.ndarray) -> list[Box]:
        placement = place(image_rgb.shape[:2], self._network.input_hw)
        padded = np.full((*placement.input_hw, 3), GREY, np.uint8)
        height, width = placement.content_hw
        write_content(np.ascontiguousarray(image_rgb), padded[:height, :width])
        rows = self._network(padded)[0]
        class_scores = rows[:, 4:5] * rows[:, 5:]
        names, scores = class_scores.argmax(1), class_scores.max(1)
        kept = np.flatnonzero((scores >= self._recipe.score) & np.isfinite(rows).all(1))
        centre = (rows[kept, :2] + self._cells[kept]) * self._strides[kept]
        size = np.exp(np.minimum(rows[kept, 2:4], MOST_LOG_SIZE)) * self._strides[kept]
        scale = np.array(image_rgb.shape[1::-1]) / (width, height)
        corner, size = (centre - size / 2) * scale, size * scale
        boxes_xywh = np.concatenate((corner, size), axis=1)
        names, scores = names[kept], scores[kept]
        chosen = _best(boxes_xywh, scores, names, self._recipe)
        found = (
            _box(self._recipe.classes[names[i]], float(scores[i]), boxes_xywh[i], image_rgb.shape)
            for i in chosen
        )
        return [box for box in found if box.name and box.area > 0]

    def _confirmed(self, box: Box, mirrored: list[Box]) -> Box:
        """Return a box with the mean of its score and that of the same box, mirrored."""
        same = [o.score for o in mirrored if o.name == box.name and overlap(box, o) > SAME_IOU]
        if not same:
            return replace(box, score=box.score * self._recipe.unconfirmed)
        return replace(box, score=(box.score + max(same)) / 2)


def overlap(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    return float(box_iou(np.array([a.xyxy]), np.array([b.xyxy]))[0, 0])


def _grid(input_hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return column and row of every cell, float [cell, 2], and its size in px, [cell, 1]."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: input_hw[0] // stride, : input_hw[1] // stride]
        cells.append(np.stack((columns.ravel(), rows.ravel()), axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _best(
    boxes_xywh: np.ndarray, scores: np.ndarray, names: np.ndarray, recipe: DetectorRecipe
) -> list[int]:
    """Return the places of the boxes that no better one of their class covers."""
    if not len(boxes_xywh):
        return []
    chosen = cv2.dnn.NMSBoxesBatched(
        boxes_xywh.tolist(), scores.tolist(), names.tolist(), 0.0, recipe.nms_iou
    )
    return np.asarray(chosen, int).ravel().tolist()


def _box(name: str, score: float, xywh: np.ndarray, shape: tuple[int, ...]) -> Box:
    left, top, width, height = xywh.tolist()
    return Box(
        name,
        score,
        (
            int(np.clip(left, 0, shape[1])),
            int(np.clip(top, 0, shape[0])),
            int(np.clip(left + width, 0, shape[1])),
            int(np.clip(top + height, 0, shape[0])),
        ),
    )


def _turned(box: Box, width: int) -> Box:
    left, top, right, bottom = box.xyxy
    return replace(box, xyxy=(width - right, top, width - left, bottom))
