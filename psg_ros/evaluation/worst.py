# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures a model gets most wrong, drawn beside their truth."""

from __future__ import annotations

import heapq

import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.psg import read_rgb
from psg_ros.evaluation.overlap import MIN_IOU, measure_overlap
from psg_ros.labels import Vocabulary
from psg_ros.ops.draw import overlay
from psg_ros.ops.regions import measure_regions
from psg_ros.pipeline import describe_nodes
from psg_ros.scene_graph import SceneGraph, SceneRelation, Segmentation

GAP_PX = 6


class WorstImages:
    """Remembers the images of lowest quality: `limit` graphs in memory, no pixels of images."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[float, str, AnnotatedImage, SceneGraph]] = []

    def add(self, truth: AnnotatedImage, graph: SceneGraph) -> None:
        """Judge one image; image ids must be unique."""
        quality = image_quality(truth.segmentation, graph.segmentation)
        # The heap's smallest is what goes first: the best one so far.
        heapq.heappush(self._heap, (-quality, truth.image_id, truth, graph))
        if len(self._heap) > self._limit:
            heapq.heappop(self._heap)

    def pictures(self, vocabulary: Vocabulary) -> list[tuple[str, np.ndarray]]:
        """Return (file name, uint8 [height, width, 3] RGB), worst first; truth left."""
        ordered = sorted(self._heap, key=lambda entry: -entry[0])
        return [
            (
                f"{rank}_{truth.image_id}_quality_{-negative:.2f}.png",
                side_by_side(truth, graph, vocabulary),
            )
            for rank, (negative, _, truth, graph) in enumerate(ordered, start=1)
        ]


def image_quality(truth: Segmentation, predicted: Segmentation) -> float:
    """Return the panoptic quality of one image over its segments, 0..1; 1 for two empty ones."""
    iou = measure_overlap(truth, predicted).iou(ignore_void=True)
    same_label = truth.labels[:, None] == predicted.labels[None, :]
    matched = iou[same_label & (iou > MIN_IOU)]
    errors = truth.num_segments + predicted.num_segments - 2 * len(matched)
    total = len(matched) + errors / 2
    return float(matched.sum() / total) if total else 1.0


def side_by_side(truth: AnnotatedImage, graph: SceneGraph, vocabulary: Vocabulary) -> np.ndarray:
    """Return the annotated truth and, to its right, what the model says, uint8 RGB."""
    image = read_rgb(truth.image_path)
    left = overlay(image, graph_of_truth(truth, vocabulary), vocabulary)
    right = overlay(image, graph, vocabulary)
    gap = np.full((image.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.hstack([left, gap, right])


def graph_of_truth(truth: AnnotatedImage, vocabulary: Vocabulary) -> SceneGraph:
    """Return the annotation as a scene graph; every relation has score 1."""
    segmentation = truth.segmentation
    regions = measure_regions(segmentation.label_map, segmentation.num_segments)
    relations = tuple(
        SceneRelation(subject, other, predicate, vocabulary.predicate_names[predicate], 1.0)
        for subject, other, predicate in truth.triplets.tolist()
    )
    return SceneGraph(segmentation, describe_nodes(segmentation, regions, vocabulary), relations)
