# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlapping masks become one mask per object."""

from dataclasses import replace

import numpy as np
import pytest

from psg_ros.evaluation.metrics.overlapping import OverlappingMasks, mask_iou, reduce_overlaps
from psg_ros.scene_graph import RelationScores


def prediction(masks, scores, pairs=(), labels=None):
    """Masks as strings of # and ., one row each; row i of the logits is filled with i."""
    pixels = np.array([[[c == "#" for c in mask]] for mask in masks])
    pairs = np.array(pairs, np.int32).reshape(-1, 2)
    logits = np.repeat(np.arange(len(pairs), dtype=np.float32)[:, None], 3, axis=1)
    labels = np.arange(len(masks)) if labels is None else np.array(labels)
    scores = np.array(scores, np.float32)
    return OverlappingMasks(pixels, labels, scores, RelationScores(pairs, logits))


def test_the_surest_mask_is_painted_first_and_keeps_its_pixels():
    overlapping = prediction(["####..", "..####"], [0.5, 0.9])
    segmentation, _ = reduce_overlaps(overlapping)
    assert segmentation.label_map.tolist() == [[1, 1, 0, 0, 0, 0]]
    assert segmentation.labels.tolist() == [1, 0]
    assert segmentation.scores.tolist() == pytest.approx([0.9, 0.5])


def test_a_mask_that_overlaps_by_half_is_the_same_object_whatever_its_label():
    # The second has IoU 2/4 with the first, the third 1/5.
    overlapping = prediction(["####..", "##....", "...###"], [0.9, 0.8, 0.7], [(1, 2), (2, 0)])
    segmentation, relations = reduce_overlaps(overlapping)
    assert segmentation.label_map.tolist() == [[0, 0, 0, 0, 1, 1]]
    assert segmentation.labels.tolist() == [0, 2]
    assert relations.pairs.tolist() == [[0, 1], [1, 0]]


def test_of_repeated_pairs_the_first_row_counts():
    overlapping = prediction(
        ["###...", "###...", "...###"], [0.9, 0.8, 0.7], [(1, 2), (0, 2), (2, 1), (2, 0)]
    )
    _, relations = reduce_overlaps(overlapping)
    assert relations.pairs.tolist() == [[0, 1], [1, 0]]
    assert relations.logits[:, 0].tolist() == [0, 2]


def test_pairs_within_one_object_go():
    overlapping = prediction(["###", "###"], [0.9, 0.8], [(0, 1), (1, 0)])
    segmentation, relations = reduce_overlaps(overlapping)
    assert segmentation.num_segments == 1
    assert relations.pairs.shape == (0, 2) and relations.logits.shape == (0, 3)


def test_a_covered_mask_that_is_no_copy_goes_with_its_pairs():
    # The last lies within the first two, but overlaps neither by half.
    overlapping = prediction(["###...", "...###", "..##.."], [0.9, 0.8, 0.7], [(0, 2), (0, 1)])
    segmentation, relations = reduce_overlaps(overlapping)
    assert segmentation.labels.tolist() == [0, 1]
    assert relations.pairs.tolist() == [[0, 1]] and relations.logits[0, 0] == 1


def test_a_covered_mask_is_no_copy_of_a_less_sure_one():
    # The third has no pixel left, and IoU 2/3 with the last, which is painted after it.
    masks = ["##....", "..##..", ".##...", ".##.#."]
    pairs = [(2, 0), (3, 0), (1, 3)]
    segmentation, relations = reduce_overlaps(prediction(masks, [0.9, 0.8, 0.7, 0.6], pairs))
    assert segmentation.label_map.tolist() == [[0, 0, 1, 1, 2, -1]]
    assert relations.pairs.tolist() == [[2, 0], [1, 2]]
    assert relations.logits[:, 0].tolist() == [1, 2], "the first row went with its mask"


def reduced_one_by_one(masks: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, dict[int, int]]:
    """The rule of fair-psgg's `mask_merge`: label map, and the object of each mask."""
    order = sorted(range(len(masks)), key=lambda mask: -scores[mask])
    label_map, object_of, num_objects = np.full(masks.shape[1:], -1), {}, 0
    for place, mask in enumerate(order):
        if mask in object_of:
            continue
        free = masks[mask] & (label_map < 0)
        if not free.any():
            continue
        label_map[free], object_of[mask] = num_objects, num_objects
        for other in order[place + 1 :]:
            shared, union = masks[mask] & masks[other], masks[mask] | masks[other]
            if other not in object_of and shared.sum() >= 0.5 * union.sum() > 0:
                object_of[other] = num_objects
        num_objects += 1
    return label_map, object_of


def test_random_masks_are_reduced_as_mask_by_mask():
    rng = np.random.default_rng(0)
    dropped_though_alike = 0
    for _ in range(1000):
        count = int(rng.integers(2, 9))
        left, width = rng.integers(0, 8, count), rng.integers(1, 6, count)
        columns = np.arange(12)
        masks = (columns >= left[:, None]) & (columns < (left + width)[:, None])
        scores = rng.permutation(count).astype(np.float32) / count
        pairs = np.array([(s, o) for s in range(count) for o in range(count) if s != o], np.int32)
        logits = np.arange(len(pairs), dtype=np.float32)[:, None].repeat(2, axis=1)
        segmentation, relations = reduce_overlaps(
            OverlappingMasks(
                masks[:, None], np.arange(count), scores, RelationScores(pairs, logits)
            )
        )
        label_map, object_of = reduced_one_by_one(masks[:, None], scores)
        assert np.array_equal(segmentation.label_map, label_map)
        expected: dict[tuple[int, int], int] = {}
        for row, (subject, other) in enumerate(pairs.tolist()):
            if subject in object_of and other in object_of:
                ends = object_of[subject], object_of[other]
                if ends[0] != ends[1]:
                    expected.setdefault(ends, row)
        found = zip(map(tuple, relations.pairs.tolist()), relations.logits[:, 0], strict=True)
        assert dict(found) == expected
        dropped_though_alike += len(object_of) < count
    assert dropped_though_alike > 20, "the cases hold covered masks"


def test_the_rank_of_a_pair_stays_with_its_row():
    overlapping = prediction(
        ["###...", "###...", "...###"], [0.9, 0.8, 0.7], [(1, 2), (0, 2), (2, 1)]
    )
    ranked = replace(overlapping.relations, rank=np.array([5.0, 9.0, 7.0]))
    _, relations = reduce_overlaps(replace(overlapping, relations=ranked))
    assert relations.pairs.tolist() == [[0, 1], [1, 0]] and relations.rank.tolist() == [5, 7]


def test_equal_scores_keep_the_order_of_the_masks():
    segmentation, _ = reduce_overlaps(prediction(["##.", ".##"], [0.5, 0.5]))
    assert segmentation.label_map.tolist() == [[0, 0, 1]]


def test_masks_without_overlap_stay_as_they_are():
    rng = np.random.default_rng(0)
    label_map = rng.integers(-1, 5, (8, 8)).astype(np.int32)
    masks = np.stack([label_map == i for i in range(5)])
    pairs = np.array([(s, o) for s in range(5) for o in range(5) if s != o], np.int32)
    scores = RelationScores(pairs, rng.normal(size=(20, 4)).astype(np.float32))
    falling = np.linspace(0.9, 0.5, 5).astype(np.float32)
    segmentation, relations = reduce_overlaps(
        OverlappingMasks(masks, np.arange(5), falling, scores)
    )
    assert np.array_equal(segmentation.label_map, label_map)
    assert np.array_equal(relations.pairs, pairs)
    assert np.array_equal(relations.logits, scores.logits)


def test_no_masks_give_an_empty_graph():
    nothing = OverlappingMasks(
        np.zeros((0, 2, 3), bool),
        np.zeros(0, np.int64),
        np.zeros(0, np.float32),
        RelationScores(np.zeros((0, 2), np.int32), np.zeros((0, 3), np.float32)),
    )
    segmentation, relations = reduce_overlaps(nothing)
    assert segmentation.label_map.tolist() == [[-1] * 3] * 2
    assert len(relations.pairs) == 0


def test_iou_of_masks():
    masks = prediction(["##..", ".##.", "...."], [1, 1, 1]).masks
    np.testing.assert_allclose(mask_iou(masks), [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0]])


def test_unusable_masks_are_refused():
    with pytest.raises(ValueError, match="pairs must name two of 2 masks"):
        prediction(["#.", ".#"], [1, 1], [(0, 2)])
    with pytest.raises(ValueError, match="2 masks, 2 labels and 1 scores"):
        prediction(["#.", ".#"], [1])
    good = prediction(["#."], [1])
    with pytest.raises(ValueError, match="masks must be bool"):
        OverlappingMasks(good.masks.astype(int), good.labels, good.scores, good.relations)
