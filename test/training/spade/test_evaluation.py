# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a stage says as a graph, for the metrics that judge all models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("diffusers")
pytest.importorskip("peft")

import torch
from tiny_spade import EMBEDDING, T2, seeded, some_image, t2_models, tiny_network

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Evaluator
from psg_ros.evaluation.metrics.open_set import OpenSet
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.network.spade.stage import Seen, SpadeStage
from psg_ros.robot.ops.triplets import score_pairs
from psg_ros.scene_graph import Segmentation
from psg_ros.spade_config import TrainedWords
from psg_ros.training.spade.evaluation import (
    between_segments,
    from_spade,
    partition,
    related,
    task_of,
)

VOCABULARY = Vocabulary(
    (ObjectLabel("cup", True, (1, 1, 1)), ObjectLabel("floor", False, (2, 2, 2))),
    (Predicate("on"), Predicate("beside")),
)
IMAGE = some_image()[0].permute(1, 2, 0).numpy()


def stage(mask_source: str) -> SpadeStage:
    config = dataclasses.replace(T2, mask_source=mask_source)

    def embed(names, templates):
        return torch.randn(len(names), EMBEDDING, generator=seeded(5))

    trained = TrainedWords(VOCABULARY.label_names, VOCABULARY.predicate_names)
    return SpadeStage(t2_models(config), tiny_network(config), trained, embed)


def truth() -> AnnotatedImage:
    label_map = np.zeros((96, 128), np.int32)
    label_map[:48, :64], label_map[:48, 64:] = 1, 2
    found = Segmentation(label_map, np.array([1, 0, 0]), np.ones(3, np.float32))
    triplets = np.array([[1, 0, 0], [2, 0, 0], [1, 2, 1]])
    return AnnotatedImage("a", "none", found, triplets, np.zeros(3, bool))


@pytest.mark.parametrize("mask_source", ["external", "internal"])
def test_any_stage_is_judged_by_the_metrics_of_all_models(mask_source: str) -> None:
    judged = stage(mask_source)
    task = task_of(judged)
    assert task == {"external": "PredCls", "internal": "SGDet"}[mask_source]
    source = from_spade(judged, VOCABULARY)
    graph = source.predict(truth(), IMAGE).graph
    evaluator, views = Evaluator(VOCABULARY, task), OpenSet(VOCABULARY, "ovdr", (50,), task)
    evaluator.add("a", truth(), graph)
    views.add(truth(), graph)
    scores = evaluator.report().scores
    assert 0 <= scores["R@50"] <= 100 and views.scores()["all"]["R@50"] == scores["R@50"]
    if task == "PredCls":
        assert scores["R@inf"] == 100 and len(graph.relations) > 0


def test_words_must_be_those_of_the_vocabulary() -> None:
    other = stage("external")
    other.set_words(("cup",), ("on",))
    with pytest.raises(ValueError, match="call set_words first"):
        related(other, IMAGE, truth().segmentation, VOCABULARY)


def seen() -> Seen:
    """Two cups left and right above, two parts of one floor below, and a node that is nothing."""
    masks = np.zeros((5, 8, 8), np.float32)
    masks[0, :4, :4] = masks[1, :4, 4:] = masks[2, 4:, :4] = masks[3, 4:, 4:] = 1
    masks[4] = 0.9
    objects = np.array([[0.9, 0.05, 0.05]] * 2 + [[0.05, 0.9, 0.05]] * 2 + [[0.1, 0.1, 0.8]])
    pairs = np.array([[0, 2], [0, 3], [2, 3], [0, 4], [0, 1]])
    predicates = np.array([[0.2, 0.1, 0.7], [0.6, 0.1, 0.3], *[[0.9, 0.05, 0.05]] * 2,
                           [0.1, 0.8, 0.1]])  # fmt: skip
    return Seen(masks, objects, pairs, predicates)


def test_masks_compete_for_the_pixels_and_stuff_of_one_label_is_one_segment() -> None:
    found = partition(seen(), (96, 128), VOCABULARY)
    assert found.segmentation.labels.tolist() == [0, 0, 1]
    assert found.segment_of.tolist() == [0, 1, 2, 2, -1]
    corners = found.segmentation.label_map[[5, 5, 90, 90], [5, 120, 5, 120]]
    assert corners.tolist() == [0, 1, 2, 2]
    assert found.segmentation.label_map.shape == (96, 128)


def test_pairs_of_nodes_become_pairs_of_segments_with_the_best_of_their_scores() -> None:
    found = between_segments(seen(), np.array([0, 1, 2, 2, -1]))
    assert found.pairs.tolist() == [[0, 1], [0, 2]]
    _, predicates, scores = score_pairs(found.logits)
    assert predicates.tolist() == [1, 0]
    np.testing.assert_allclose(scores, [0.81 * 0.8, 0.81 * 0.6], rtol=1e-5)


def test_an_image_without_anything_is_an_empty_graph() -> None:
    nothing = dataclasses.replace(seen(), objects=np.tile([0.1, 0.1, 0.8], (5, 1)))
    found = partition(nothing, (96, 128), VOCABULARY)
    assert len(found.segmentation.labels) == 0 and (found.segmentation.label_map == -1).all()
    assert len(between_segments(nothing, found.segment_of).pairs) == 0
