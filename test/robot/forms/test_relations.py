# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The relation stage: which pairs are asked, with which numbers, and how answers are laid out."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_model import MAX_PAIRS

from psg_ros.robot.forms.relations import (
    RelationNetwork,
    relative_boxes,
)
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.ops.image import place
from psg_ros.robot.ops.pairs import choose_pairs
from psg_ros.robot.ops.panoptic import MergedMasks
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import Segmentation


class Scripted:
    """Answers row r with logits 100 r + direction, and counts its calls."""

    name = "scripted"

    def __init__(self):
        self.calls = []

    def run(self, inputs):
        self.calls.append(inputs)
        rows = np.arange(len(inputs["boxes"]), dtype=np.float32)[:, None].repeat(5, axis=1) * 100
        return {"forward_logits": rows + 1, "backward_logits": rows + 2}

    def close(self):
        pass


@pytest.fixture
def stage(tiny_model):
    backend = Scripted()
    return RelationNetwork(backend, load_model_folder(str(tiny_model))), backend


def prepare(relations, masks, limit=0):
    """Describe the pairs of the `limit` best-scored segments, 0: of all."""
    found = masks[0].segmentation
    return relations.prepare(*masks, PLACEMENT, choose_pairs(found.labels, found.scores, limit))


def masks_of(*boxes, scores=None) -> tuple[MergedMasks, object]:
    label_map = np.full((64, 96), -1, np.int32)
    for segment, (left, top, right, bottom) in enumerate(boxes):
        label_map[top:bottom, left:right] = segment
    count = len(boxes)
    scores = np.array(scores or [0.9] * count, np.float32)
    segmentation = Segmentation(label_map, np.zeros(count, np.int64), scores)
    return MergedMasks(segmentation, label_map, 1), measure_regions(label_map, count)


THREE = ((0, 0, 16, 16), (16, 0, 48, 8), (48, 32, 96, 64))
PLACEMENT = place((64, 96), (64, 96))
TOKENS = np.zeros((1, 24, 3), np.float32)


def test_each_unordered_pair_is_asked_once_and_answers_both_ways(stage):
    relations, backend = stage
    inputs = prepare(relations, masks_of(*THREE))
    scores = relations.infer(TOKENS, inputs)
    assert len(backend.calls) == 1
    assert scores.pairs.tolist() == [[0, 1], [0, 2], [1, 2], [1, 0], [2, 0], [2, 1]]
    assert scores.logits[:, 0].tolist() == [1, 101, 201, 2, 102, 202]


def test_a_pair_is_described_by_its_overlaps_and_boxes(stage):
    relations, backend = stage
    relations.infer(TOKENS, prepare(relations, masks_of(*THREE)))
    (inputs,) = backend.calls
    subject, other = inputs["subject_overlap"][0], inputs["object_overlap"][0]
    assert subject.reshape(4, 6)[0].tolist() == [1, 0, 0, 0, 0, 0]
    assert other.reshape(4, 6)[0].tolist() == [0, 0.5, 0.5, 0, 0, 0]
    expected = [-1, -1, -2 / 3, -0.5, -2 / 3, -1, 0, -0.75]
    np.testing.assert_allclose(inputs["boxes"][0], expected, atol=1e-6)
    assert all(array.dtype == np.float32 for array in inputs.values())
    assert inputs["patch_tokens"] is TOKENS


@pytest.mark.parametrize("count", [0, 1])
def test_without_a_pair_the_network_is_not_called(stage, count):
    relations, backend = stage
    scores = relations.infer(TOKENS, prepare(relations, masks_of(*THREE[:count])))
    assert backend.calls == []
    assert scores.pairs.shape == (0, 2) and scores.logits.shape == (0, 5)


def test_more_pairs_than_the_network_takes_at_once_are_asked_in_parts(stage):
    relations, backend = stage
    count = 21
    boxes = [(4 * number, 0, 4 * number + 4, 64) for number in range(count)]
    scores = relations.infer(TOKENS, prepare(relations, masks_of(*boxes)))
    assert [len(call["boxes"]) for call in backend.calls] == [MAX_PAIRS, 210 - MAX_PAIRS]
    rows = [*range(MAX_PAIRS), *range(210 - MAX_PAIRS)]
    assert scores.logits[:210, 0].tolist() == [100 * row + 1 for row in rows]
    assert scores.logits[210:, 0].tolist() == [100 * row + 2 for row in rows]


def test_only_the_best_scored_segments_are_paired(stage):
    relations, _ = stage
    masks = masks_of(*THREE, scores=[0.5, 0.9, 0.7])
    assert prepare(relations, masks, 2).pairs.tolist() == [[1, 2]]
    assert prepare(relations, masks, 1).pairs.shape == (0, 2)
    assert len(prepare(relations, masks, 9).pairs) == 3


def test_boxes_are_relative_to_the_whole_input_padding_included():
    placement = place((100, 50), (64, 96))  # content 64 x 32
    boxes = relative_boxes(np.array([[0, 0, 50, 100], [25, 50, 50, 100]]), placement)
    expected = [[-1, -1, 32 / 96 * 2 - 1, 1], [16 / 96 * 2 - 1, 0, 32 / 96 * 2 - 1, 1]]
    np.testing.assert_allclose(boxes, expected, atol=1e-6)
    assert boxes.dtype == np.float32
