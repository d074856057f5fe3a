# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fused stage: what it tells the network and how it reads the answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from psg_ros.robot.forms.form import MergeSettings
from psg_ros.robot.forms.fused import Fused, LookedUp, grid_edges
from psg_ros.robot.forms.relations import relative_boxes
from psg_ros.robot.forms.steps import StepClock
from psg_ros.robot.manifest import ArtifactSpec, TensorSpec, load_model_folder
from psg_ros.robot.ops.image import place, resize_nearest
from psg_ros.robot.ops.pairs import choose_pairs
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.scene_graph import Segmentation

SETTINGS = MergeSettings(score_threshold=0.5, overlap_threshold=0.25, resolution="mask")
MASK_HW, NUM_SLOTS = (16, 24), 4
PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


class Scripted:
    """Slots 0 and 3 are one segment on the left, slot 2 is one on the right, slot 1 is none."""

    name = "scripted"

    def __init__(self):
        self.inputs = {}

    def run(self, inputs, keep=()):
        self.inputs = dict(inputs)
        segment_map = np.full(MASK_HW, NUM_SLOTS, np.uint8)
        segment_map[:, :8], segment_map[4:, 12:] = 0, 2
        mask_logits = np.full((NUM_SLOTS, *MASK_HW), -9, np.float32)
        mask_logits[0, :8, :8] = mask_logits[3, 8:, :8] = mask_logits[2, 4:, 12:] = 9
        rows = np.arange(len(PAIRS), dtype=np.float32)[:, None].repeat(5, axis=1) * 100
        return {
            "class_logits": np.eye(7, dtype=np.float32)[[4, 0, 1, 4]] * 9,
            "segment_of": np.array([0, NUM_SLOTS, 2, 0], np.int32),
            "segment_map": segment_map,
            "mask_logits": mask_logits,
            "forward_logits": rows + 1,
            "backward_logits": rows + 2,
        }

    def close(self):
        pass


@pytest.fixture
def stage(tiny_model):
    model = load_model_folder(str(tiny_model))
    shapes = {"segment_of": (NUM_SLOTS,), "forward_logits": (len(PAIRS), 5)}
    outputs = tuple(TensorSpec(name, "float32", shape) for name, shape in shapes.items())
    manifest = dataclasses.replace(
        model.manifest,
        form="fused",
        artifacts={"fused": ArtifactSpec("fused.onnx", "0", (), outputs)},
    )
    backend = Scripted()
    return Fused(dataclasses.replace(model, manifest=manifest), backend), backend


def test_thresholds_and_content_are_told_to_the_network(stage):
    fused, backend = stage
    placement = fused.prepare(np.full((128, 90, 3), 200, np.uint8))
    fused.infer(placement, SETTINGS)
    assert placement.content_hw == (64, 45)
    assert backend.inputs["thresholds"].tolist() == [0.5, 0.25]
    assert backend.inputs["thresholds"].dtype == np.float32
    assert backend.inputs["content_hw"].tolist() == [16, 12], "the last cell is reached in part"
    assert (backend.inputs["image"][0, :, :45] == 200).all()


@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
def test_slots_of_one_segment_are_joined_and_the_others_keep_their_order(stage, resolution):
    fused, _ = stage
    settings = dataclasses.replace(SETTINGS, resolution=resolution)
    placement = fused.prepare(np.zeros((64, 96, 3), np.uint8))
    segmentation, slots = fused.merge(fused.infer(placement, settings), placement, settings)
    assert slots.tolist() == [0, 2]
    assert segmentation.labels.tolist() == [4, 1]
    assert (segmentation.label_map[:, :30] == 0).all()
    assert (segmentation.label_map[20:, 50:] == 1).all()
    assert (segmentation.label_map[:, 36:44] == -1).all()


@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
@pytest.mark.parametrize(("area", "left"), [(0.3, [0, 2]), (0.35, [2]), (0.4, [])])
def test_a_segment_smaller_than_the_least_area_is_void(stage, resolution, area, left):
    fused, _ = stage  # segments of 8 of 24 and of 12 * 12 of 16 * 24 cells: 0.333, 0.375
    settings = dataclasses.replace(SETTINGS, resolution=resolution, min_area=area)
    placement = fused.prepare(np.zeros((64, 96, 3), np.uint8))
    segmentation, slots = fused.merge(fused.infer(placement, settings), placement, settings)
    assert slots.tolist() == left
    assert segmentation.num_segments == len(left)
    shown = np.unique(segmentation.label_map)
    assert shown[shown >= 0].tolist() == list(range(len(left)))


def looked_up(fused: Fused, slots: list[int], scores: list[float]) -> LookedUp:
    """Return segments that the given slots stand for, one column of pixels each."""
    placement = fused.prepare(np.zeros((64, 96, 3), np.uint8))
    output = fused.infer(placement, SETTINGS)
    count = len(slots)
    label_map = np.arange(max(1, count), dtype=np.int32)[None] - (count == 0)
    segmentation = Segmentation(label_map, np.zeros(count, np.int64), np.float32(scores))
    return LookedUp(segmentation, np.array(slots, np.int64), output, fused._row_of_pair)


def relate(segments: LookedUp, max_segments: int = 0):
    regions = measure_regions(segments.segmentation.label_map, len(segments.slots))
    found = segments.segmentation
    pairs = choose_pairs(found.labels, found.scores, max_segments)
    return segments.relate(regions, pairs, StepClock())


def test_pairs_of_segments_are_looked_up_among_those_of_slots(stage):
    fused, _ = stage
    scores = relate(looked_up(fused, [0, 2, 3], [0.9, 0.8, 0.7]))
    assert scores.pairs.tolist() == [[0, 1], [0, 2], [1, 2], [1, 0], [2, 0], [2, 1]]
    assert scores.logits[:, 0].tolist() == [101, 201, 501, 102, 202, 502]
    best = relate(looked_up(fused, [0, 2, 3], [0.9, 0.1, 0.7]), max_segments=2)
    assert best.pairs.tolist() == [[0, 2], [2, 0]]
    assert best.logits[:, 0].tolist() == [201, 202]


@pytest.mark.parametrize("count", [0, 1])
def test_without_a_pair_there_are_no_scores(stage, count):
    fused, _ = stage
    scores = relate(looked_up(fused, list(range(count)), [1.0] * count))
    assert scores.pairs.shape == (0, 2) and scores.logits.shape == (0, 5)


@pytest.mark.parametrize("image_hw", [(64, 96), (200, 100), (33, 470), (7, 11), (1080, 1920)])
def test_lines_of_the_grid_lie_where_enlarging_puts_them(image_hw):
    """A box read off the table equals that of the enlarged map, for every column and row."""
    placement = place(image_hw, (64, 96))
    rows, cols = (-(-size // 4) for size in placement.content_hw)
    row_edges, column_edges = grid_edges(placement, 4)
    assert row_edges.shape == (17,) and column_edges.shape == (25,)
    assert row_edges.dtype == np.float32
    extent = tuple(size / 4 for size in placement.content_hw)
    cells = np.arange(rows * cols, dtype=np.int32).reshape(rows, cols)
    label_map = resize_nearest(cells, image_hw, extent)
    regions = measure_regions(label_map, rows * cols)
    boxes = relative_boxes(regions.bbox_xyxy, placement).reshape(rows, cols, 4)
    seen = (regions.area > 0).reshape(rows, cols)
    for index, edges in ((0, column_edges[:cols]), (2, column_edges[1 : cols + 1])):
        np.testing.assert_array_equal(boxes[..., index][seen], np.tile(edges, (rows, 1))[seen])
    for index, edges in ((1, row_edges[:rows]), (3, row_edges[1 : rows + 1])):
        expected = np.tile(edges[:, None], (1, cols))
        np.testing.assert_array_equal(boxes[..., index][seen], expected[seen])
