# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Open-set figures: which triplets count in which view, worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from psg_ros.data.annotation import AnnotatedImage
from psg_ros.evaluation.metrics.open_set import OpenSet
from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.graph_nodes import describe_nodes
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import RelationScores, SceneGraph, Segmentation

GREY = (9, 9, 9)
LABELS = ("person", "bottle", "cup", "chair", "couch", "bed", "tv", "book", "clock", "vase")
PREDICATES = ("on", "beside", "in front of", "holding")
VOCABULARY = Vocabulary(
    tuple(ObjectLabel(name, True, GREY) for name in LABELS), tuple(map(Predicate, PREDICATES))
)


def image(name, labels, triplets, width=12):
    """One column band a segment, all alike; the centroids of neighbours are width / N apart."""
    count = len(labels)
    label_map = np.repeat(np.arange(count, dtype=np.int32), width // count)[None].repeat(2, axis=0)
    segmentation = Segmentation(label_map, np.array(labels), np.ones(count, np.float32))
    return AnnotatedImage(
        name, Path("none"), segmentation, np.array(triplets).reshape(-1, 3), np.zeros(count, bool)
    )


def graph(truth, said):
    """A prediction on the true masks that says these triplets and nothing else."""
    logits = np.full((len(said), 1 + len(PREDICATES)), -9, np.float32)
    for row, (_, _, predicate) in zip(logits, said, strict=True):
        row[1 + predicate] = 9
    pairs = np.array([triplet[:2] for triplet in said], np.int32).reshape(-1, 2)
    found = truth.segmentation
    regions = measure_regions(found.label_map, found.num_segments)
    nodes = describe_nodes(found, regions, VOCABULARY)
    return SceneGraph(found, nodes, (), RelationScores(pairs, logits))


def open_set(protocol, task="PredCls"):
    return OpenSet(VOCABULARY, protocol, (50,), task)


def pick(kind, *, novel):
    """Return the indices of novel or base names."""
    known = LABELS if kind == "labels" else PREDICATES
    chosen = open_set("ovdr").novel_names[kind]
    return [index for index, name in enumerate(known) if (name in chosen) == novel]


@pytest.mark.parametrize("task", ["PredCls", "SGDet"])
def test_each_triplet_counts_in_the_views_it_belongs_to(task):
    new, old = pick("labels", novel=True), pick("labels", novel=False)
    (fresh,), (known, other, *_) = pick("predicates", novel=True), pick("predicates", novel=False)
    labels = [new[0], new[1], old[0], old[1]]
    triplets = [(0, 1, known), (0, 2, known), (2, 3, fresh), (2, 3, other)]
    truth, judged = image("a", labels, triplets), open_set("ovdr", task)
    judged.add(truth, graph(truth, [(0, 1, known), (2, 3, other)]))
    found = {view: scores["R@50"] for view, scores in judged.scores().items()}
    assert found["all"] == pytest.approx(50)
    assert found["base"] == pytest.approx(100), "the last triplet alone"
    assert found["novel object, both ends"] == pytest.approx(100), "the first alone"
    assert found["novel object, any end"] == pytest.approx(50), "the first two"
    assert found["novel predicate"] == pytest.approx(0)


def test_pairs_closer_than_a_third_of_the_width_are_near():
    truth, judged = image("a", [0, 2, 3, 6], [(0, 1, 0), (0, 2, 0), (0, 3, 0)]), open_set("closed")
    judged.add(truth, graph(truth, [(0, 1, 0), (0, 3, 0)]))
    assert judged.scores()["near"]["R@50"] == pytest.approx(100), "3 of 12 px apart"
    assert judged.scores()["distant"]["R@50"] == pytest.approx(50), "6 and 9 px"


def test_near_and_distant_pairs_are_told_apart_for_spatial_predicates_alone_too():
    on, holding = PREDICATES.index("on"), PREDICATES.index("holding")
    triplets = [(0, 1, on), (1, 2, holding), (0, 2, on), (0, 3, holding)]
    truth, judged = image("a", [0, 2, 3, 6], triplets), open_set("closed")
    judged.add(truth, graph(truth, [(0, 1, on), (0, 3, holding)]))
    scores = {view: row["R@50"] for view, row in judged.scores().items()}
    assert scores["near"] == scores["distant"] == pytest.approx(50)
    assert scores["near, spatial predicate"] == pytest.approx(100)
    assert scores["distant, spatial predicate"] == pytest.approx(0)
    absent = judged.scores()["near, spatial predicate"]["mR@50 (absent 0)"]
    assert absent == pytest.approx(100 / 3), "on, beside and in front of are spatial here"


def test_images_without_a_triplet_of_a_view_do_not_count_in_it():
    (fresh,), (known, *_) = pick("predicates", novel=True), pick("predicates", novel=False)
    judged = open_set("ovr")
    for name, predicate in (("a", known), ("b", known), ("c", fresh)):
        truth = image(name, [0, 2], [(0, 1, predicate)])
        judged.add(truth, graph(truth, [(0, 1, predicate)]) if name != "b" else None)
    images = judged.images()
    expected = {"all": 3, "base predicate": 2, "novel predicate": 1, "near": 0, "distant": 3}
    assert {view: images[view] for view in expected} == expected
    scores = judged.scores()
    assert scores["base predicate"]["R@50"] == pytest.approx(50), "no prediction finds nothing"
    assert scores["novel predicate"]["R@50"] == pytest.approx(100)
    assert math.isnan(scores["near"]["R@50"]) and math.isnan(scores["near"]["mR@50"])


def test_absent_predicates_are_left_out_of_the_mean_or_count_as_zero():
    bases = pick("predicates", novel=False)
    judged = open_set("ovr")
    truth = image("a", [0, 2], [(0, 1, bases[0])])
    judged.add(truth, graph(truth, [(0, 1, bases[0])]))
    scores = judged.scores()["base predicate"]
    assert scores["mR@50"] == pytest.approx(100)
    assert scores["mR@50 (absent 0)"] == pytest.approx(100 / len(bases))


def test_an_unknown_protocol_is_named():
    with pytest.raises(ValueError, match="one of closed, ovr, ovdr, not 'open'"):
        open_set("open")
