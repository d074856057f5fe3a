# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network of boxes and their relations (REACT++): an image -> relations of given segments."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from psg_ros.labels import bare_name
from psg_ros.robot.manifest import ArtifactSpec, BoxRelations, ModelFolder, TensorSpec
from psg_ros.robot.ops.assignment import best_pairs
from psg_ros.robot.ops.boxes import box_iou
from psg_ros.robot.ops.letterbox import Letterbox, Letterboxed
from psg_ros.robot.ops.regions import Regions
from psg_ros.robot.ops.triplets import pair_logits
from psg_ros.robot.runtime.backend import Backend
from psg_ros.robot.runtime.refusals import NetworkFailed
from psg_ros.scene_graph import RelationScores, Segmentation

logger = logging.getLogger(__name__)

BOX_COLUMNS, RELATION_COLUMNS = 6, 5
UNKNOWN = -1


@dataclass(frozen=True)
class Boxes:
    """Boxes of one image and their relations, as the network numbers them.

    Attributes:
        bbox_xyxy: float64 [box, 4], px of the image.
        labels: int64 [box]; from 0, `UNKNOWN` for a box that means nothing.
        triplets: int64 [relation, 3]; subject, object (rows of the boxes), predicate from 0.
        scores: float64 [relation]; how likely the predicate is, 0..1.
    """

    bbox_xyxy: np.ndarray
    labels: np.ndarray
    triplets: np.ndarray
    scores: np.ndarray


NO_BOXES = Boxes(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros((0, 3), np.int64), np.zeros(0))


class Translation:
    """Numbers of the network -> those of the model's own vocabulary, by names.

    Attributes:
        same_label: bool [our label, network's label].
        predicates: int64 [network's predicate]; ours, `UNKNOWN` where we have none of its name.
    """

    def __init__(self, folder: ModelFolder) -> None:
        names, ours = names_of(folder), folder.vocabulary
        theirs = np.array([bare_name(name) for name in names.labels])
        mine = np.array([bare_name(name) for name in ours.label_names])
        self.same_label = mine[:, None] == theirs[None, :]
        places = {bare_name(name): place for place, name in enumerate(ours.predicate_names)}
        self.predicates = np.array(
            [places.get(bare_name(name), UNKNOWN) for name in names.predicates], np.int64
        )


class BoxRelationNetwork:
    """Keeps its input; use it from one thread at a time."""

    def __init__(self, backend: Backend, folder: ModelFolder) -> None:
        spec = folder.manifest.artifact("box_relations")
        self._backend = backend
        self._names = names_of(folder)
        self._num_predicates = folder.vocabulary.num_predicates
        self._translation = Translation(folder)
        image, boxes, relations = tensors_of(spec)
        self._input_name, self._boxes, self._relations = image.name, boxes.name, relations.name
        self._letterbox = Letterbox((image.shape[2], image.shape[3]))
        self._warned: set[str] = set()

    def prepare(self, image_rgb: np.ndarray) -> Letterboxed:
        """Write an image uint8 [height, width, 3] into the network input; return where it lies."""
        return self._letterbox.write(image_rgb)

    def infer(self, where: Letterboxed) -> Boxes:
        """Run the network on the image written last; what makes no sense in its answer is left out.

        Traced networks fail where they find no box at all: that is no box here. Both are warned of
        once.
        """
        try:
            outputs = self._backend.run({self._input_name: self._letterbox.array})
        except NetworkFailed as error:
            self._warn_once("failure", f"{error}; taken for an image without boxes")
            return NO_BOXES
        rows = np.asarray(outputs[self._boxes], np.float64)
        relations = np.asarray(outputs[self._relations], np.float64)
        labels = _numbers(rows[:, 4], len(self._names.labels), first=1)
        labels[~np.isfinite(rows[:, :4]).all(axis=1)] = UNKNOWN
        ends = (_numbers(relations[:, column], len(rows)) for column in (0, 1))
        predicates = _numbers(relations[:, 2], len(self._names.predicates), first=1)
        triplets = np.stack([*ends, predicates], axis=1)
        scores = relations[:, 4]
        sound = (triplets != UNKNOWN).all(axis=1) & np.isfinite(scores)
        if not (sound.all() and (labels != UNKNOWN).all()):
            self._warn_once("numbers", "boxes, labels or predicates that do not exist are left out")
        known = np.where((labels == UNKNOWN)[:, None], 0.0, rows[:, :4])
        sound &= triplets[:, 0] != triplets[:, 1]
        return Boxes(where.to_image(known), labels, triplets[sound], scores[sound].clip(0, 1))

    def relate(
        self, found: Boxes, segmentation: Segmentation, regions: Regions, pairs: np.ndarray
    ) -> RelationScores:
        """Move relations of boxes to the segments that the boxes match, each to one at most.

        A box may match a segment whose label has its name and whose box it overlaps by `min_iou`;
        the best overlaps are taken first. Relations whose word we do not have are left out.

        Args:
            pairs: int32 [pair, 2]; relations between these segments only, whichever is first.
        """
        segment_of = self._match(found, segmentation, regions)
        ends = segment_of[found.triplets[:, :2]]
        predicates = self._translation.predicates[found.triplets[:, 2]]
        allowed = np.zeros((segmentation.num_segments + 1,) * 2, bool)  # the last one is UNKNOWN
        allowed[pairs[:, 0], pairs[:, 1]] = allowed[pairs[:, 1], pairs[:, 0]] = True
        moved = allowed[ends[:, 0], ends[:, 1]] & (predicates != UNKNOWN)
        related, rows = np.unique(ends[moved], axis=0, return_inverse=True)
        scores = np.zeros((len(related), self._num_predicates))
        np.maximum.at(scores, (rows.reshape(-1), predicates[moved]), found.scores[moved])
        return RelationScores(related.astype(np.int32), pair_logits(scores))

    def _match(self, found: Boxes, segmentation: Segmentation, regions: Regions) -> np.ndarray:
        """Return the segment int64 [box] of each box, or `UNKNOWN`."""
        overlap = box_iou(regions.bbox_xyxy, found.bbox_xyxy)
        same = self._translation.same_label[segmentation.labels[:, None], found.labels[None, :]]
        overlap[~same | (found.labels == UNKNOWN)] = 0.0
        segment_of = np.full(len(found.labels), UNKNOWN, np.int64)
        for segment, box in best_pairs(overlap, self._names.min_iou):
            segment_of[box] = segment
        return segment_of

    def _warn_once(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("relations of boxes: %s, here and in later images", text)


def names_of(folder: ModelFolder) -> BoxRelations:
    """Return the names of the network's numbers.

    Raises:
        ValueError: the manifest has none.
    """
    names = folder.manifest.box_relations
    if names is None:
        raise ValueError(
            f"{folder.path}: a model of form {folder.manifest.form} needs box_relations in its "
            "manifest, the labels and predicates of its network of boxes"
        )
    return names


def tensors_of(spec: ArtifactSpec) -> tuple[TensorSpec, TensorSpec, TensorSpec]:
    """Return image, boxes and relations of an artifact; names and order are free.

    Raises:
        ValueError: it is no network of boxes and relations.
    """
    outputs = {tensor.shape[-1]: tensor for tensor in spec.outputs if len(tensor.shape) == 2}
    (image,) = spec.inputs if len(spec.inputs) == 1 else (None,)
    is_picture = image is not None and len(image.shape) == 4 and image.shape[:2] == (1, 3)
    if (
        image is None
        or not is_picture
        or min(image.shape) < 1
        or len(spec.outputs) != 2
        or outputs.keys() != {BOX_COLUMNS, RELATION_COLUMNS}
    ):
        raise ValueError(
            f"{spec.file}: expected one input [1, 3, height, width] and the outputs "
            f"[box, {BOX_COLUMNS}] and [relation, {RELATION_COLUMNS}]"
        )
    return image, outputs[BOX_COLUMNS], outputs[RELATION_COLUMNS]


def _numbers(column: np.ndarray, count: int, first: int = 0) -> np.ndarray:
    """Return whole numbers int64 counted from 0; `UNKNOWN` for what is not in `first` + 0..count.

    Args:
        first: what the network counts from.
    """
    near = np.rint(np.nan_to_num(column, nan=UNKNOWN)) - first
    return np.where((near >= 0) & (near < count), near, UNKNOWN).astype(np.int64)
