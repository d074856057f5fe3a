# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures a model gets most wrong and most right, drawn beside their truth."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.dataset import read_picture
from psg_ros.drawing.annotated_files import write_image
from psg_ros.drawing.draw import overlay
from psg_ros.drawing.palette import display_name
from psg_ros.evaluation.metrics.evaluator import ImageFigures
from psg_ros.evaluation.metrics.true_ranks import marked
from psg_ros.files import name_with_suffix
from psg_ros.labels import Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph, SceneRelation

GAP_PX = 6
LEGIBLE_PX = 640
"""Width from which names leave most of a picture free."""

DRAWING = re.compile(r"\d+_.*_quality_\d\.\d\d_recall_\d\.\d\d\.png", re.DOTALL)
"""Names that `file_name` gives."""
PLAIN = 128
"""Grey of the ground where there is no photo."""


@dataclass(frozen=True)
class Example:
    """One judged image."""

    truth: AnnotatedImage
    graph: SceneGraph
    figures: ImageFigures

    @property
    def goodness(self) -> float:
        """Quality of the segments plus recall of the relations, 0..2: both matter alike."""
        return self.figures.quality + self.figures.recall

    def true_triplets(self, vocabulary: Vocabulary) -> list[str]:
        """Return the annotated relations with the ranks of their predicates, for people."""
        named = graph_of_truth(self.truth, vocabulary, self.figures.ranks)
        ends = [display_name(node.class_name) for node in named.nodes]
        return [
            f"{ends[relation.subject]} {relation.predicate_name} {ends[relation.object]}"
            for relation in named.relations
        ]

    @property
    def caption(self) -> str:
        """Image and figures, for people."""
        figures = self.figures
        return f"{self.truth.image_id}: quality {figures.quality:.2f}, recall {figures.recall:.2f}"


class Examples:
    """Remembers the `limit` worst and best images: their graphs in memory, no pixels."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._worst: list[tuple[float, str, Example]] = []
        self._best: list[tuple[float, str, Example]] = []

    def add(self, truth: AnnotatedImage, graph: SceneGraph, figures: ImageFigures) -> None:
        """Consider one image; image ids must be unique, they decide between equals."""
        example = Example(truth, graph, figures)
        for heap, order in ((self._worst, -example.goodness), (self._best, example.goodness)):
            # The heap's smallest is what goes first: the best of the worst, the worst of the best.
            heapq.heappush(heap, (order, truth.image_id, example))
            if len(heap) > self._limit:
                heapq.heappop(heap)

    @property
    def worst(self) -> list[Example]:
        """Lowest goodness first."""
        return [example for _, _, example in sorted(self._worst, reverse=True)]

    @property
    def best(self) -> list[Example]:
        """Highest goodness first."""
        return [example for _, _, example in sorted(self._best, reverse=True)]


class Drawn(NamedTuple):
    """A drawing.

    Attributes:
        picture_rgb: uint8 [height, width, 3].
        no_photo: why it is on plain ground; empty where the photo is under it.
    """

    picture_rgb: np.ndarray
    no_photo: str


def side_by_side(example: Example, vocabulary: Vocabulary) -> Drawn:
    """Draw the annotated truth and, to its right, what the model says.

    Annotated predicates bear the rank that the model gives them, see `true_predicate_ranks`.
    Stored results are judged without the photos, so the drawing does not need them either. Small
    pictures are enlarged, because names would cover them.
    """
    ground, no_photo = _ground(example.truth)
    truth = graph_of_truth(example.truth, vocabulary, example.figures.ranks)
    times = max(1, round(LEGIBLE_PX / ground.shape[1]))
    ground = cv2.resize(ground, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    left = overlay(ground, _enlarged(truth, times, vocabulary), vocabulary)
    right = overlay(ground, _enlarged(example.graph, times, vocabulary), vocabulary)
    gap = np.full((ground.shape[0], GAP_PX, 3), 255, np.uint8)
    return Drawn(np.hstack([left, gap, right]), no_photo)


def _enlarged(graph: SceneGraph, times: int, vocabulary: Vocabulary) -> SceneGraph:
    """Return the graph of an image that is so many times as large; nodes are described anew."""
    label_map = graph.segmentation.label_map.repeat(times, axis=0).repeat(times, axis=1)
    segmentation = replace(graph.segmentation, label_map=label_map)
    regions = measure_regions(label_map, segmentation.num_segments)
    nodes = describe_nodes(segmentation, regions, vocabulary)
    return SceneGraph(segmentation, nodes, graph.relations)


def _ground(truth: AnnotatedImage) -> tuple[np.ndarray, str]:
    try:
        return read_picture(truth), ""
    except (OSError, ValueError) as error:
        return np.full((*truth.segmentation.image_hw, 3), PLAIN, np.uint8), str(error)


def write_worst(folder: Path, examples: Examples, vocabulary: Vocabulary) -> list[str]:
    """Draw the worst images into a folder, which is made if need be.

    Drawings of an earlier evaluation are removed: those of two models would look like one's.

    Returns:
        A sentence on drawings without the photo, for people, if there are any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if DRAWING.fullmatch(path.name):
            path.unlink()
    without = []
    for rank, example in enumerate(examples.worst, start=1):
        drawn = side_by_side(example, vocabulary)
        write_image(folder / file_name(rank, example), drawn.picture_rgb)
        without += [drawn.no_photo] * bool(drawn.no_photo)
    if not without:
        return []
    count = f"{len(without)} of {len(examples.worst)}"
    return [f"{count} drawings in {folder} are without the photo, the first: {without[0]}"]


def file_name(rank: int, example: Example) -> str:
    """Return the name of an example's picture; ids may hold slashes, and be long."""
    stem = example.truth.image_id.replace("/", "_")
    figures = example.figures
    ending = f"_quality_{figures.quality:.2f}_recall_{figures.recall:.2f}.png"
    return name_with_suffix(f"{rank}_{stem}", ending)


def graph_of_truth(
    truth: AnnotatedImage, vocabulary: Vocabulary, ranks: Sequence[int] = ()
) -> SceneGraph:
    """Return the annotation as a scene graph; every relation has score 1.

    Args:
        ranks: of the predicates, shown with their names; empty: they are not.
    """
    segmentation = truth.segmentation
    regions = measure_regions(segmentation.label_map, segmentation.num_segments)
    names = [vocabulary.predicate_names[predicate] for predicate in truth.triplets[:, 2].tolist()]
    if ranks:
        names = [marked(name, rank) for name, rank in zip(names, ranks, strict=True)]
    relations = tuple(
        SceneRelation(subject, other, predicate, name, 1.0)
        for (subject, other, predicate), name in zip(truth.triplets.tolist(), names, strict=True)
    )
    return SceneGraph(segmentation, describe_nodes(segmentation, regions, vocabulary), relations)
