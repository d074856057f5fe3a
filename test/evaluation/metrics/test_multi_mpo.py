# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The first protocol of panoptic scene graphs: by hand, and against a second telling in loops."""

from pathlib import Path

import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.evaluator import Evaluator
from psg_ros.evaluation.metrics.multi_mpo import MultiMpo
from psg_ros.evaluation.metrics.overlapping import OverlappingMasks, reduce_overlaps
from psg_ros.evaluation.metrics.recall import PAIRS
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.scene_graph import RelationScores, SceneGraph, SceneNode, Segmentation

NUM_PREDICATES = 4
VOCABULARY = Vocabulary(
    tuple(ObjectLabel(name, True, (9, 9, 9)) for name in "abc"),
    tuple(Predicate(name) for name in "pqrs"),
)


def annotated(image_id, rows, labels, triplets):
    label_map = np.array(rows, np.int32)
    masks = Segmentation(label_map, np.array(labels), np.ones(len(labels), np.float32))
    triplets = np.array(triplets, np.int64).reshape(-1, 3)
    return AnnotatedImage(image_id, Path("x.jpg"), masks, triplets, np.zeros(len(labels), bool))


def said(masks, labels, rows):
    """Rows of (subject, object, logit of no relation, logits of the predicates...)."""
    relations = RelationScores(
        np.array([row[:2] for row in rows], np.int32).reshape(-1, 2),
        np.array([row[2:] for row in rows], np.float32).reshape(len(rows), 1 + NUM_PREDICATES),
    )
    scores = np.linspace(0.9, 0.5, len(labels)).astype(np.float32)
    return OverlappingMasks(np.array(masks, bool), np.array(labels), scores, relations)


TRUTH = annotated("a", [[0, 0, 1, 1]], [0, 1], [(0, 1, 2), (0, 1, 3)])
LEFT, RIGHT = [[1, 1, 0, 0]], [[0, 0, 1, 1]]


def test_a_second_copy_of_a_mask_lifts_this_protocol_and_not_singlempo():
    once = said([LEFT, RIGHT], [0, 1], [(0, 1, -5, 0, 0, 9, 8)])
    twice = said([LEFT, RIGHT, LEFT], [0, 1, 0], [(0, 1, -5, 0, 0, 9, 8), (2, 1, -4, 0, 0, 8, 9)])
    lifted, fair = [], []
    for prediction in (once, twice):
        multi, single = MultiMpo(NUM_PREDICATES, (20,)), Evaluator(VOCABULARY, ks=(20,))
        multi.add(TRUTH, prediction)
        segmentation, relations = reduce_overlaps(prediction)
        nodes = tuple(
            SceneNode(i, 0, "a", True, 1.0, (0, 0, 1, 1), (0.0, 0.0), 1, False)
            for i in range(segmentation.num_segments)
        )
        graph = SceneGraph(segmentation, nodes, (), relations)
        single.add("a", TRUTH, graph)
        lifted.append(multi.scores()["R@20"])
        fair.append(single.report().scores["R@20"])
    assert lifted == [50.0, 100.0]
    assert fair == [50.0, 50.0]


def test_an_iou_of_exactly_one_half_matches_here():
    truth = annotated("a", [[0, 0, 1, 1]], [0, 1], [(0, 1, 2)])
    half = said([[[1, 0, 0, 0]], RIGHT], [0, 1], [(0, 1, -5, 0, 0, 9, 8)])
    multi = MultiMpo(NUM_PREDICATES, (20,))
    multi.add(truth, half)
    assert multi.scores()["R@20"] == 100.0


def test_duplicates_count_once_and_absent_predicates_as_zero():
    truth = annotated("a", [[0, 0, 1, 1]], [0, 1], [(0, 1, 2), (0, 1, 2), (1, 0, 0)])
    multi = MultiMpo(NUM_PREDICATES, (20, PAIRS))
    multi.add(truth, said([LEFT, RIGHT], [0, 1], [(0, 1, -5, 0, 0, 9, 8)]))
    assert multi.scores() == {"R@20": 50.0, "mR@20": 25.0}


def test_missing_images_and_images_without_triplets_are_left_out():
    multi = MultiMpo(NUM_PREDICATES, (20,))
    multi.add(TRUTH, None)
    multi.add(annotated("b", [[0]], [0], []), said([[[1]]], [0], []))
    assert all(np.isnan(value) for value in multi.scores().values())


def test_masks_of_another_size_are_refused_by_image():
    small = said([[[1, 1]]], [0], [])
    with pytest.raises(ValueError, match="image a: masks are .1, 2."):
        MultiMpo(NUM_PREDICATES, (20,)).add(TRUTH, small)


def restated(images, k):
    """OpenPSG's counting in loops; (R@k, mR@k) in percent."""
    recalls, table = [], {p: [] for p in range(NUM_PREDICATES)}
    for truth, prediction in images:
        triplets = {tuple(t) for t in truth.triplets.tolist()}
        if prediction is None or not triplets:
            continue
        rows = list(zip(prediction.relations.pairs.tolist(), prediction.relations.logits.tolist()))  # noqa: B905
        ranked = sorted((row[0], s, o, int(np.argmax(row[1:]))) for (s, o), row in rows)[:k]

        def fits(real, mask, truth=truth, prediction=prediction):
            a, b = truth.segmentation.label_map == real, prediction.masks[mask]
            union = (a | b).sum()
            same = truth.segmentation.labels[real] == prediction.labels[mask]
            return same and union > 0 and (a & b).sum() / union >= 0.5

        hits = {
            (s, o, p)
            for s, o, p in triplets
            if any(p == q and fits(s, i) and fits(o, j) for _, i, j, q in ranked)
        }
        recalls.append(len(hits) / len(triplets))
        for p in {t[2] for t in triplets}:
            mine = [t for t in triplets if t[2] == p]
            table[p].append(len([t for t in mine if t in hits]) / len(mine))
    means = [sum(values) / len(values) if values else 0.0 for values in table.values()]
    return 100 * sum(recalls) / len(recalls), 100 * sum(means) / len(means)


def random_image(rng, number):
    """Coarse truth with duplicates and self relations; masks that overlap and appear twice."""
    label_map = np.kron(rng.integers(-1, 4, (4, 4)), np.ones((3, 3))).astype(np.int32)
    labels = rng.integers(0, 3, 4)
    triplets = np.column_stack((rng.integers(0, 4, (7, 2)), rng.integers(0, 3, 7)))
    triplets = np.concatenate((triplets, triplets[:2]))[: rng.choice([0, 9, 9])]
    truth = annotated(str(number), label_map, labels, triplets)
    sources = rng.integers(0, 4, 7)
    masks = np.stack([label_map == source for source in sources])
    masks ^= rng.random(masks.shape) < rng.choice([0.05, 0.3])
    pairs = [(s, o) for s in range(7) for o in range(7) if s != o and rng.random() < 0.5]
    rows = [(*pair, *rng.integers(-2, 3, 1 + NUM_PREDICATES)) for pair in pairs]
    return truth, said(masks, labels[sources], rows) if rng.random() < 0.85 else None


def test_agrees_with_a_second_telling_on_random_masks_with_ties():
    rng = np.random.default_rng(4)
    images = [random_image(rng, number) for number in range(50)]
    multi = MultiMpo(NUM_PREDICATES, (5, 20, 100))
    for truth, prediction in images:
        multi.add(truth, prediction)
    scores = multi.scores()
    for k in (5, 20, 100):
        recall, mean = restated(images, k)
        assert 0 < mean < 100
        assert scores[f"R@{k}"] == pytest.approx(recall, abs=1e-9)
        assert scores[f"mR@{k}"] == pytest.approx(mean, abs=1e-9)
