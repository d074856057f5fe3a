# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Answers of a trained SPADE as graphs, which the metrics of `psg evaluate` judge."""

from __future__ import annotations

import numpy as np

from psg_ros.labels import Vocabulary
from psg_ros.network.spade.stage import Seen, SpadeStage
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.ops.triplets import pair_logits, rank_relations
from psg_ros.robot.pipeline import describe_nodes
from psg_ros.scene_graph import RelationScores, SceneGraph, SceneRelation, Segmentation


def predict_relations(
    stage: SpadeStage, image: np.ndarray, segmentation: Segmentation, vocabulary: Vocabulary
) -> SceneGraph:
    """Return the graph of an image whose segments are given (the task PredCls).

    Args:
        image: uint8 [height, width, 3], RGB.
        vocabulary: has the stage's words, in its order; labels stay as given.

    Raises:
        ValueError: another vocabulary, or a stage that finds its own segments.
    """
    if (stage.objects, stage.predicates) != (vocabulary.label_names, vocabulary.predicate_names):
        raise ValueError("the stage has other words than the vocabulary: call set_words first")
    segments = np.arange(segmentation.num_segments)
    masks = segmentation.label_map == segments[:, None, None]
    scores = relation_scores(stage(image, masks), segmentation)
    regions = measure_regions(segmentation.label_map, segmentation.num_segments)
    relations = tuple(
        SceneRelation(*triplet[:3], vocabulary.predicate_names[triplet.predicate], triplet.score)
        for triplet in rank_relations(scores)
    )
    return SceneGraph(
        segmentation, describe_nodes(segmentation, regions, vocabulary), relations, scores
    )


def relation_scores(seen: Seen, segmentation: Segmentation) -> RelationScores:
    """Return what the stage says of pairs, where the labels are given: P_r of each predicate."""
    ends = segmentation.scores[seen.pairs].prod(axis=1).astype(np.float64)
    scores = ends[:, None] * seen.predicates[:, :-1]
    return RelationScores(seen.pairs.astype(np.int32), pair_logits(scores))
