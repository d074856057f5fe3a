# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fast validation gives the very scores of an evaluation with masks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.data.records import ImageRecord
from psg_ros.evaluation.metrics.evaluator import Evaluator
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.network.config import ModelConfig
from psg_ros.network.dsflash import RelationStage
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import SceneGraph, Segmentation
from psg_ros.setting_files import config_from_dict
from psg_ros.training.relations.features import unpack
from psg_ros.training.relations.relation_samples import (
    RelationSample,
    inferred_segments,
    true_segments,
)
from psg_ros.training.relations.validation import (
    evaluate_relations,
    judging,
    relation_scores,
    validation_truth,
)

NUM_PREDICATES, NUM_IMAGES = 4, 20
VOCABULARY = Vocabulary(
    tuple(ObjectLabel(f"label {i}", i < 2, (i, 0, 0)) for i in range(3)),
    tuple(Predicate(f"predicate {i}") for i in range(NUM_PREDICATES)),
)
FLOAT = {"precision": "float32"}


def segmentation(label_map: np.ndarray, labels: np.ndarray) -> Segmentation:
    """Without the segments that have no pixel."""
    present, label_map = np.unique(label_map, return_inverse=True)
    label_map = label_map.reshape(10, 12).astype(np.int32)
    return Segmentation(label_map, labels[present], np.ones(len(present), np.float32))


def image(number: int):
    """An annotated image, its record, and segments that were found: some right, some not."""
    rng = np.random.default_rng(number)
    true = segmentation(rng.integers(0, 5, (5, 6)).repeat(2, 0).repeat(2, 1), rng.integers(0, 3, 5))
    noisy = true.label_map.copy()
    noisy[rng.random(noisy.shape) < 0.2] = rng.integers(0, true.num_segments)
    labels = true.labels.copy()
    labels[rng.integers(len(labels))] = rng.integers(0, 3)
    found = segmentation(noisy, labels)
    ends = rng.integers(0, true.num_segments, (6, 2))
    triplets = np.column_stack((ends, rng.integers(0, NUM_PREDICATES, 6)))
    crowd = np.zeros(true.num_segments, bool)
    item = AnnotatedImage(str(number), Path("x"), true, triplets, crowd)
    ids = np.arange(true.num_segments)
    record = ImageRecord(str(number), "x", "y", (10, 12), ids, true.labels, crowd, triplets)
    return item, record, found


def sample(number: int, count: int) -> RelationSample:
    generator = torch.Generator().manual_seed(number)
    features = torch.randn(2 * 6 * 16, generator=generator).bfloat16()
    overlap = torch.rand(count, 6, generator=generator) * (
        torch.rand(count, 6, generator=generator) < 0.5
    )
    return RelationSample(features, overlap, torch.rand(count, 4, generator=generator))


def stage_of(tiny_network, **relations) -> RelationStage:
    changed = {**tiny_network, "relations": {**tiny_network["relations"], **relations}}
    torch.manual_seed(0)
    return RelationStage(config_from_dict(ModelConfig, changed, "test"), NUM_PREDICATES)


@pytest.mark.parametrize("task", ["PredCls", "SGDet"])
def test_scores_are_those_of_the_evaluator_on_the_real_masks(tiny_network, task):
    stage, samples, truths, whole = stage_of(tiny_network).eval(), [], [], []
    for number in range(NUM_IMAGES):
        item, record, found = image(number)
        if task == "PredCls":
            found = item.segmentation
            described = true_segments(item.image_id, found.labels, item.triplets)
        else:
            described = inferred_segments(item, found)
        samples.append(sample(number, found.num_segments))
        truths.append(validation_truth(record, described))
        whole.append((item, found))
    scores = evaluate_relations(stage, samples, truths, VOCABULARY, task, ks=(3, 8), **FLOAT)
    evaluator = Evaluator(VOCABULARY, task, ks=(3, 8))
    scored = relation_scores(stage, samples, "cpu", "float32")
    for (item, found), relations in zip(whole, scored, strict=True):
        regions = measure_regions(found.label_map, found.num_segments)
        nodes = describe_nodes(found, regions, VOCABULARY)
        evaluator.add(item.image_id, item, SceneGraph(found, nodes, (), relations))
    expected = evaluator.report().scores
    assert len(scores) == 10 and {name.lstrip("mNg") for name in scores} == {"R@3", "R@8", "R@inf"}
    assert scores == {name: expected[name] for name in scores}
    assert (scores["R@inf"] == 100) == (task == "PredCls")
    assert 0 < scores["R@3"] < scores["R@8"] < 100


@pytest.mark.parametrize("relations", [{}, {"split": "none"}, {"prune": True}], ids=str)
def test_scores_of_many_images_are_those_of_the_stage_for_each(tiny_network, relations):
    stage = stage_of(tiny_network, **relations).eval()
    samples = [sample(number, 1 + number % 5) for number in range(NUM_IMAGES)]
    found = list(relation_scores(stage, samples, "cpu", "float32"))
    assert [len(scores.pairs) for scores in found] == [n * (n - 1) for n in (1, 2, 3, 4, 5)] * 4
    for one, scores in zip(samples, found, strict=True):
        if not len(scores.pairs):
            continue
        half = len(scores.pairs) // 2
        assert (scores.pairs[half:] == scores.pairs[:half, ::-1]).all()
        ends = torch.from_numpy(scores.pairs[:half]).long()
        with torch.no_grad():
            features = unpack(one.features[None], stage.tap_embedding.shapes, "float32")
            cells = stage.tap_embedding(features)
            overlap, boxes = one.overlap[ends], one.boxes[ends].flatten(1)
            expected = torch.cat(stage(cells, overlap[:, 0], overlap[:, 1], boxes))
        np.testing.assert_allclose(scores.logits, expected, atol=1e-5)


def test_pruning_can_be_tested_without_having_been_trained(tiny_network):
    dense, pruned = stage_of(tiny_network), stage_of(tiny_network, prune=True)
    samples, truths = [], []
    for number in range(NUM_IMAGES):
        item, record, _ = image(number)
        samples.append(sample(number, item.segmentation.num_segments))
        described = true_segments(item.image_id, item.segmentation.labels, item.triplets)
        truths.append(validation_truth(record, described))
    arguments = (samples, truths, VOCABULARY, "PredCls")
    plain = evaluate_relations(dense, *arguments, ks=(3,), **FLOAT)
    at_test = evaluate_relations(dense, *arguments, ks=(3,), prune=True, **FLOAT)
    assert at_test == evaluate_relations(pruned, *arguments, ks=(3,), **FLOAT)
    assert plain == evaluate_relations(pruned, *arguments, ks=(3,), prune=False, **FLOAT)
    assert plain != at_test
    assert (dense.prune, pruned.prune, dense.training) == (False, True, True), "as they were"


def test_a_stage_is_put_back_even_after_an_error(tiny_network):
    stage = stage_of(tiny_network)
    with pytest.raises(KeyError), judging(stage, prune=True):
        assert stage.prune and not stage.training
        raise KeyError
    assert stage.training and not stage.prune


def test_no_images_or_too_few_truths_are_refused(tiny_network):
    stage = stage_of(tiny_network)
    with pytest.raises(ValueError, match="0 samples for 0 truths"):
        evaluate_relations(stage, [], [], VOCABULARY, "PredCls")
    with pytest.raises(ValueError, match="1 samples for 0 truths; one each is needed"):
        evaluate_relations(stage, [sample(0, 3)], [], VOCABULARY, "PredCls")
