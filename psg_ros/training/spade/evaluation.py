# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Answers of a trained SPADE as graphs, which `psg_ros.evaluation` judges like those of others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from psg_ros.config import RECOMMENDED
from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Task
from psg_ros.evaluation.results.reader import StoredPrediction
from psg_ros.evaluation.run import Source
from psg_ros.labels import Vocabulary
from psg_ros.network.spade.stage import Seen, SpadeStage
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.image import Placement
from psg_ros.robot.ops.panoptic import contest, select_segments
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.robot.ops.triplets import MAX_LOGIT, pair_logits, rank_relations
from psg_ros.scene_graph import RelationScores, SceneGraph, SceneRelation, Segmentation
from psg_ros.spade_config import EXTERNAL


class Partition(NamedTuple):
    """Segments of one image, and which of them each node of SPADE is.

    Attributes:
        segment_of: int64 [node]; -1 where it is none.
    """

    segmentation: Segmentation
    segment_of: np.ndarray


def task_of(stage: SpadeStage) -> Task:
    """Return what a stage can be judged on: relations alone, where it is given the segments."""
    return "PredCls" if stage.network.config.mask_source == EXTERNAL else "SGDet"


def from_spade(stage: SpadeStage, vocabulary: Vocabulary) -> Source:
    """Return the predictions of a stage, which gets the words of the vocabulary."""
    stage.set_words(vocabulary.label_names, vocabulary.predicate_names)
    task = task_of(stage)

    def predict(truth: AnnotatedImage, pixels: np.ndarray | None) -> StoredPrediction:
        assert pixels is not None
        if task == "PredCls":
            return StoredPrediction(related(stage, pixels, truth.segmentation, vocabulary))
        return StoredPrediction(detected(stage, pixels, vocabulary))

    return Source(predict, "SPADE", needs_pixels=True)


def related(
    stage: SpadeStage, image: np.ndarray, segmentation: Segmentation, vocabulary: Vocabulary
) -> SceneGraph:
    """Return the graph of an image whose segments are given (the task PredCls).

    Args:
        image: uint8 [height, width, 3], RGB.
        vocabulary: has the stage's words, in its order; labels stay as given.

    Raises:
        ValueError: another vocabulary, or a stage that finds its own segments.
    """
    _check_words(stage, vocabulary)
    segments = np.arange(segmentation.num_segments)
    masks = segmentation.label_map == segments[:, None, None]
    seen = stage(image, masks)
    ends = segmentation.scores[seen.pairs].prod(axis=1).astype(np.float64)
    scores = ends[:, None] * seen.predicates[:, :-1]
    found = RelationScores(seen.pairs.astype(np.int32), pair_logits(scores))
    return _graph(segmentation, found, vocabulary)


def detected(stage: SpadeStage, image: np.ndarray, vocabulary: Vocabulary) -> SceneGraph:
    """Return the graph of an image in which the stage finds the segments (the task SGDet).

    Args:
        image: uint8 [height, width, 3], RGB.
        vocabulary: has the stage's words, in its order.

    Raises:
        ValueError: another vocabulary, or a stage that is given its segments.
    """
    _check_words(stage, vocabulary)
    seen = stage(image)
    found = partition(seen, (image.shape[0], image.shape[1]), vocabulary)
    return _graph(found.segmentation, between_segments(seen, found.segment_of), vocabulary)


def partition(seen: Seen, image_hw: tuple[int, int], vocabulary: Vocabulary) -> Partition:
    """Let the masks of the nodes compete for pixels, by the rule and thresholds of the pipeline.

    See `psg_ros.robot.ops.panoptic`. The masks reach over the whole image, whatever its shape.
    """
    is_thing = np.array([label.is_thing for label in vocabulary.labels], bool)
    scores = seen.objects.max(axis=1).astype(np.float32)
    labels = seen.objects.argmax(axis=1)
    kept = np.flatnonzero((labels < len(is_thing)) & (scores > RECOMMENDED.score))
    logits = _logits(seen.masks)
    side = logits.shape[1:]
    place = Placement(image_hw, side, side)
    kept, codes, areas = contest(logits, kept, scores, place, "image", Scratch())
    of_code, founders = select_segments(codes, areas, labels[kept], is_thing, RECOMMENDED.overlap)
    segment_of = np.full(len(scores), -1, np.int64)
    segment_of[kept] = of_code[: len(kept)]
    chosen = kept[founders]
    segmentation = Segmentation(
        of_code.take(codes), labels[chosen].astype(np.int64), scores[chosen]
    )
    return Partition(segmentation, segment_of)


def between_segments(seen: Seen, segment_of: np.ndarray) -> RelationScores:
    """Return the scores between segments; where several nodes are one (stuff), the best of each."""
    ends = segment_of[seen.pairs]
    kept = (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
    scores = seen.triple_scores()[kept]
    pairs, row = np.unique(ends[kept], axis=0, return_inverse=True)
    best = np.zeros((len(pairs), scores.shape[1]))
    np.maximum.at(best, row.reshape(-1), scores)
    return RelationScores(pairs.astype(np.int32), pair_logits(best))


def _graph(
    segmentation: Segmentation, scores: RelationScores, vocabulary: Vocabulary
) -> SceneGraph:
    regions = measure_regions(segmentation.label_map, segmentation.num_segments)
    names = vocabulary.predicate_names
    relations = tuple(
        SceneRelation(*triplet[:3], names[triplet.predicate], triplet.score)
        for triplet in rank_relations(scores)
    )
    nodes = describe_nodes(segmentation, regions, vocabulary)
    return SceneGraph(segmentation, nodes, relations, scores)


def _check_words(stage: SpadeStage, vocabulary: Vocabulary) -> None:
    if (stage.objects, stage.predicates) != (vocabulary.label_names, vocabulary.predicate_names):
        raise ValueError("the stage has other words than the vocabulary: call set_words first")


def _logits(probabilities: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities) - np.log1p(-probabilities)
    return np.clip(logits, -MAX_LOGIT, MAX_LOGIT).astype(np.float32)
