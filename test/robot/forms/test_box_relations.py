# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Relations of boxes move to the segments that match by label and overlap, and to no others."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from psg_ros.labels import ObjectLabel, Predicate, Vocabulary
from psg_ros.robot.forms.box_relations import BoxRelationNetwork, tensors_of
from psg_ros.robot.manifest import (
    FORMAT,
    ArtifactSpec,
    BoxRelations,
    Manifest,
    ModelFolder,
    TensorSpec,
)
from psg_ros.robot.ops.pairs import choose_pairs
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.ops.triplets import rank_relations
from psg_ros.scene_graph import Segmentation

HW = (100, 100)  # as the network's input: boxes are in px of the image
SPEC = ArtifactSpec(
    "react.onnx",
    "",
    (TensorSpec("input", "float32", (1, 3, *HW)),),
    (
        TensorSpec("boxes", "float32", (-1, 6), (99, 6)),
        TensorSpec("rels", "float32", (-1, 5), (99, 5)),
    ),
)
OURS = Vocabulary(
    tuple(
        ObjectLabel(name, is_thing, (0, 0, 0))
        for name, is_thing in (("cup", True), ("person", True), ("wall-other-merged", False))
    ),
    (Predicate("over"), Predicate("on"), Predicate("beside")),
)
THEIRS = BoxRelations(("person", "wall", "cup", "zebra"), ("beside", "kissing", "on"))
PERSON, WALL, CUP, ZEBRA = 1, 2, 3, 4
BESIDE, KISSING, ON = 1, 2, 3


class Canned:
    """A backend that gives the same answer to every image."""

    name, device, precision = "canned", "cpu", "fp32"

    def __init__(self, boxes, relations) -> None:
        self.answer = {
            "boxes": np.array(boxes, np.float32).reshape(-1, 6),
            "rels": np.array(relations, np.float32).reshape(-1, 5),
        }

    def run(self, inputs, keep=()):
        return self.answer

    def close(self) -> None:
        pass


def relate(boxes, relations, segments, names=THEIRS, max_segments=0):
    """Return {(subject segment, predicate, object segment): score}.

    Args:
        boxes: (label, left, top, right, bottom).
        relations: (subject, object, predicate, score).
        segments: (our label, left, top, right, bottom), later ones over earlier.
    """
    manifest = Manifest(
        FORMAT, "test", "", "segmenter_and_boxes", HW, 4, 0.5, 0.5, 0.1, {"box_relations": SPEC},
        box_relations=names,
    )  # fmt: skip
    rows = [(*xyxy, label, 0.9) for label, *xyxy in boxes]
    triplets = [(subject, other, word, 0.3, score) for subject, other, word, score in relations]
    folder = ModelFolder(Path("model"), manifest, OURS)
    network = BoxRelationNetwork(Canned(rows, triplets), folder)
    label_map = np.full(HW, -1, np.int32)
    for segment, (_, left, top, right, bottom) in enumerate(segments):
        label_map[top:bottom, left:right] = segment
    labels = np.array([OURS.label_names.index(s[0]) for s in segments], np.int64)
    sure = np.linspace(0.9, 0.5, len(segments)).astype(np.float32)
    segmentation = Segmentation(label_map, labels, sure)
    regions = measure_regions(label_map, len(segments))
    found = network.infer(network.prepare(np.zeros((*HW, 3), np.uint8)))
    scores = network.relate(found, segmentation, regions, choose_pairs(labels, sure, max_segments))
    assert scores.logits.shape == (len(scores.pairs), 4) and np.isfinite(scores.logits).all()
    assert (scores.pairs[:, 0] != scores.pairs[:, 1]).all()
    return {
        (t.subject, OURS.predicate_names[t.predicate], t.object): pytest.approx(t.score, abs=1e-6)
        for t in rank_relations(scores, threshold=1e-6)
    }


LEFT, RIGHT = (10, 10, 40, 90), (60, 10, 90, 90)


def test_a_relation_moves_to_the_segments_of_its_boxes():
    boxes = [(PERSON, *RIGHT), (WALL, *LEFT)]
    segments = [("wall-other-merged", *LEFT), ("person", *RIGHT)]
    assert relate(boxes, [(0, 1, BESIDE, 0.7)], segments) == {(1, "beside", 0): 0.7}


def test_both_directions_and_scores_are_kept_apart():
    boxes, segments = [(PERSON, *LEFT), (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    found = relate(boxes, [(0, 1, BESIDE, 0.7), (1, 0, ON, 0.2)], segments)
    assert found == {(0, "beside", 1): 0.7, (1, "on", 0): 0.2}


def test_of_several_words_for_a_pair_the_best_counts():
    boxes, segments = [(PERSON, *LEFT), (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    relations = [(0, 1, ON, 0.3), (0, 1, BESIDE, 0.6), (0, 1, BESIDE, 0.1)]
    assert relate(boxes, relations, segments) == {(0, "beside", 1): 0.6}


def test_a_box_of_another_label_does_not_match():
    boxes, segments = [(PERSON, *LEFT), (PERSON, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    assert relate(boxes, [(0, 1, BESIDE, 0.7)], segments) == {}


def test_a_box_elsewhere_does_not_match():
    boxes = [(PERSON, *LEFT), (CUP, 60, 10, 90, 45)]  # less than half of the segment
    segments = [("person", *LEFT), ("cup", *RIGHT)]
    relations = [(0, 1, BESIDE, 0.7)]
    assert relate(boxes, relations, segments) == {}
    lenient = BoxRelations(THEIRS.labels, THEIRS.predicates, min_iou=0.4)
    assert relate(boxes, relations, segments, lenient) == {(0, "beside", 1): 0.7}


def test_two_segments_of_a_label_get_each_its_better_box():
    boxes = [(CUP, 12, 10, 42, 90), (CUP, 58, 10, 88, 90), (PERSON, 0, 0, 100, 10)]
    segments = [("cup", *RIGHT), ("cup", *LEFT), ("person", 0, 0, 100, 10)]
    relations = [(0, 2, ON, 0.6), (1, 2, BESIDE, 0.8)]
    assert relate(boxes, relations, segments) == {(1, "on", 2): 0.6, (0, "beside", 2): 0.8}


def test_more_boxes_than_segments_leave_boxes_over():
    """The third box is the second thing's, too, but worse."""
    boxes = [(PERSON, *LEFT), (CUP, *RIGHT), (CUP, 60, 30, 90, 90), (ZEBRA, *LEFT)]
    segments = [("person", *LEFT), ("cup", *RIGHT)]
    relations = [(0, 2, ON, 0.9), (0, 1, BESIDE, 0.4), (3, 1, ON, 0.9), (1, 2, ON, 0.9)]
    assert relate(boxes, relations, segments) == {(0, "beside", 1): 0.4}


def test_more_segments_than_boxes_leave_segments_unrelated():
    boxes = [(PERSON, *LEFT), (CUP, *RIGHT)]
    segments = [("wall-other-merged", 0, 0, 100, 10), ("person", *LEFT), ("cup", *RIGHT)]
    assert relate(boxes, [(1, 0, ON, 0.5)], segments) == {(2, "on", 1): 0.5}


@pytest.mark.parametrize("segments", [[], [("person", *LEFT)]], ids=["no segments", "one segment"])
@pytest.mark.parametrize("boxes", [[], [(PERSON, *LEFT)]], ids=["no boxes", "one box"])
def test_nothing_to_relate_gives_no_relation(boxes, segments):
    assert relate(boxes, [], segments) == {}


def test_words_that_we_do_not_have_are_left_out():
    boxes, segments = [(PERSON, *LEFT), (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    relations = [(0, 1, KISSING, 0.9), (0, 1, ON, 0.2)]
    assert relate(boxes, relations, segments) == {(0, "on", 1): 0.2}


def test_only_the_best_scored_segments_are_related_where_asked():
    boxes = [(PERSON, *LEFT), (CUP, *RIGHT), (WALL, 0, 0, 100, 10)]
    segments = [("person", *LEFT), ("cup", *RIGHT), ("wall-other-merged", 0, 0, 100, 10)]
    relations = [(0, 1, BESIDE, 0.7), (0, 2, ON, 0.7)]
    assert relate(boxes, relations, segments, max_segments=2) == {(0, "beside", 1): 0.7}


@pytest.mark.parametrize(
    "relation",
    [
        (0, 2, ON, 0.9),
        (-1, 1, ON, 0.9),
        (math.nan, 1, ON, 0.9),
        (math.inf, 1, ON, 0.9),
        (0, 1, 0, 0.9),
        (0, 1, 4, 0.9),
        (0, 1, ON, math.nan),
    ],
)
def test_relations_of_nothing_are_left_out_with_a_warning(relation, caplog):
    boxes, segments = [(PERSON, *LEFT), (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    found = relate(boxes, [relation, (0, 1, BESIDE, 0.4)], segments)
    assert found == {(0, "beside", 1): 0.4}
    assert [r.levelno for r in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    "box", [(0, *LEFT), (5, *LEFT), (math.nan, *LEFT), (PERSON, math.nan, 10, 40, 90)]
)
def test_boxes_of_nothing_match_nothing(box, caplog):
    boxes, segments = [box, (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    assert relate(boxes, [(0, 1, BESIDE, 0.7)], segments) == {}
    assert len(caplog.records) == 1


@pytest.mark.parametrize("score", [1.5, 1.0, -0.5, 0.0])
def test_scores_end_at_0_and_1(score):
    boxes, segments = [(PERSON, *LEFT), (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    found = relate(boxes, [(0, 1, ON, score)], segments)
    assert found == ({(0, "on", 1): 1.0} if score >= 1 else {})


def test_a_thing_is_not_related_to_itself():
    boxes, segments = [(PERSON, *LEFT), (CUP, *RIGHT)], [("person", *LEFT), ("cup", *RIGHT)]
    assert relate(boxes, [(0, 0, ON, 0.9)], segments) == {}


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([(1, 3, 64, 64)] * 2, [(-1, 6), (-1, 5)]),
        ([(1, 64, 64, 3)], [(-1, 6), (-1, 5)]),
        ([(1, 3, 64, 64)], [(-1, 6), (-1, 6)]),
        ([(1, 3, 64, 64)], [(-1, 6)]),
        ([(1, 3, 64, 64)], [(1, -1, 6), (-1, 5)]),
    ],
)
def test_another_interface_is_refused(inputs, outputs):
    spec = ArtifactSpec(
        "other.onnx",
        "",
        tuple(TensorSpec(f"in{i}", "float32", shape) for i, shape in enumerate(inputs)),
        tuple(
            TensorSpec(f"out{i}", "float32", shape, tuple(abs(size) for size in shape))
            for i, shape in enumerate(outputs)
        ),
    )
    with pytest.raises(ValueError, match="other.onnx: expected one input"):
        tensors_of(spec)
