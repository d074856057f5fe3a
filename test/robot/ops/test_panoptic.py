# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The merge against its rule written a second time, one query and one pixel set after the other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from psg_ros.robot.ops.image import Placement, place
from psg_ros.robot.ops.panoptic import merge
from psg_ros.robot.ops.scratch import Scratch
from psg_ros.scene_graph import VOID

INPUT_HW = (64, 96)
STRIDE = 4
IS_THING = np.array([True, True, True, False, False])
SIZES = [(64, 96), (48, 64), (96, 48), (37, 111), (128, 150), (20, 31), (64, 30), (9, 96)]


def scene(seed: int, num_queries: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Class and mask logits of soft discs that overlap; some queries say nothing."""
    rng = np.random.default_rng(seed)
    height, width = INPUT_HW[0] // STRIDE, INPUT_HW[1] // STRIDE
    y, x = np.mgrid[:height, :width]
    class_logits = rng.normal(0, 1, (num_queries, len(IS_THING) + 1))
    winners = rng.integers(0, len(IS_THING) + 1, num_queries)
    class_logits[np.arange(num_queries), winners] += rng.uniform(1, 8, num_queries)
    center_y, center_x = rng.uniform(0, height, num_queries), rng.uniform(0, width, num_queries)
    distance = np.hypot(y - center_y[:, None, None], x - center_x[:, None, None])
    radius = rng.uniform(1, 8, num_queries)[:, None, None]
    noise = rng.normal(0, 0.7, (num_queries, height, width))
    return class_logits.astype(np.float32), ((radius - distance) * 1.5 + noise).astype(np.float32)


def resized(mask: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR)


def slow_masks(mask_logits: np.ndarray, placement: Placement, resolution: str) -> np.ndarray:
    """Every mask, also those of dropped queries, at the size where they compete."""
    height, width = placement.content_hw
    if resolution == "mask":
        return mask_logits[:, : -(-height // STRIDE), : -(-width // STRIDE)]
    large = [resized(mask, placement.input_hw)[:height, :width] for mask in mask_logits]
    if resolution == "image":
        large = [resized(mask, placement.image_hw) for mask in large]
    return np.stack(large)


def slow_merge(class_logits, masks, score_threshold, overlap_threshold):
    """The rule as it is told: returns the label map and a list of (label, score)."""
    exponents = np.exp(class_logits.astype(np.float64))
    probs = exponents / exponents.sum(axis=1, keepdims=True)
    no_object = class_logits.shape[1] - 1
    kept = [q for q in range(len(probs)) if probs[q].argmax() != no_object]
    kept = [q for q in kept if probs[q].max() > score_threshold]
    label_map = np.full(masks.shape[1:], VOID, np.int32)
    segments: list[tuple[int, float]] = []
    stuff: dict[int, int] = {}
    if not kept:
        return label_map, segments
    sigmoids = 1 / (1 + np.exp(-masks[kept].astype(np.float64)))
    weighted = np.array([probs[q].max() for q in kept])[:, None, None] * sigmoids
    winner = weighted.argmax(axis=0)
    for row, query in enumerate(kept):
        won, own = winner == row, sigmoids[row] >= 0.5
        final = won & own
        if not (won.any() and own.any() and final.any()):
            continue
        if won.sum() / own.sum() < overlap_threshold:
            continue
        label = int(probs[query].argmax())
        if not IS_THING[label] and label in stuff:
            label_map[final] = stuff[label]
            continue
        stuff[label] = len(segments)
        label_map[final] = len(segments)
        segments.append((label, float(probs[query].max())))
    return label_map, segments


def run(
    class_logits, mask_logits, placement, resolution, score=0.5, overlap=0.6, scratch=None, area=0.0
):
    return merge(
        class_logits,
        mask_logits,
        placement,
        resolution=resolution,
        score_threshold=score,
        overlap_threshold=overlap,
        is_thing=IS_THING,
        min_area=area,
        scratch=scratch,
    )


def assert_same(result, expected_map, segments):
    np.testing.assert_array_equal(result.label_map, expected_map)
    assert result.labels.tolist() == [label for label, _ in segments]
    np.testing.assert_allclose(result.scores, [score for _, score in segments], rtol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 3])
@pytest.mark.parametrize("image_hw", SIZES)
def test_at_image_size_it_equals_the_rule_pixel_by_pixel(image_hw, seed):
    class_logits, mask_logits = scene(seed)
    placement = place(image_hw, INPUT_HW)
    merged = run(class_logits, mask_logits, placement, "image")
    expected = slow_merge(class_logits, slow_masks(mask_logits, placement, "image"), 0.5, 0.6)
    assert len(expected[1]) >= 2, "the scene must have something to merge"
    assert_same(merged.segmentation, *expected)
    assert merged.content_map.shape == placement.content_hw
    assert merged.stride == 1


@pytest.mark.parametrize(("objects", "found"), [(0, 0), (1, 1), (60, 7)])
def test_a_hundred_masks_enlarged_before_any_is_dropped_give_the_same_map(objects, found):
    """At the thresholds of Mask2Former; ours drops by class first and enlarges what is left."""
    class_logits, mask_logits = scene(7, num_queries=100)
    class_logits[objects:, -1] += 20
    class_logits[:objects, 0] += 20
    placement = place((75, 111), INPUT_HW)
    merged = run(class_logits, mask_logits, placement, "image", score=0.8, overlap=0.2)
    expected = slow_merge(class_logits, slow_masks(mask_logits, placement, "image"), 0.8, 0.2)
    assert len(expected[1]) >= found
    assert_same(merged.segmentation, *expected)


@pytest.mark.parametrize("resolution", ["input", "mask"])
@pytest.mark.parametrize("image_hw", SIZES)
def test_below_image_size_it_equals_the_rule_on_that_grid(image_hw, resolution):
    class_logits, mask_logits = scene(11)
    # Exactly the input's content, so that no segment is lost on the way back to the image.
    placement = place(image_hw, INPUT_HW)
    placement = Placement(placement.content_hw, placement.content_hw, INPUT_HW)
    merged = run(class_logits, mask_logits, placement, resolution)
    expected = slow_merge(class_logits, slow_masks(mask_logits, placement, resolution), 0.5, 0.6)
    np.testing.assert_array_equal(merged.content_map, expected[0])
    repeat = STRIDE if resolution == "mask" else 1
    height, width = placement.content_hw
    enlarged = expected[0].repeat(repeat, axis=0).repeat(repeat, axis=1)[:height, :width]
    assert_same(merged.segmentation, enlarged, expected[1])
    assert merged.stride == repeat


def test_scratch_memory_of_another_frame_changes_nothing():
    scratch = Scratch()
    for seed, image_hw in enumerate(SIZES):
        class_logits, mask_logits = scene(seed)
        placement = place(image_hw, INPUT_HW)
        for resolution in ("image", "input", "mask"):
            fresh = run(class_logits, mask_logits, placement, resolution)
            again = run(class_logits, mask_logits, placement, resolution, scratch=scratch)
            np.testing.assert_array_equal(
                again.segmentation.label_map, fresh.segmentation.label_map
            )


def test_results_do_not_share_memory_with_scratch():
    scratch, placement = Scratch(), place((64, 96), INPUT_HW)
    first = run(*scene(0), placement, "input", scratch=scratch)
    before = first.segmentation.label_map.copy()
    run(*scene(5), placement, "input", scratch=scratch)
    np.testing.assert_array_equal(first.segmentation.label_map, before)


@pytest.mark.parametrize("resolution", ["image", "input", "mask"])
@pytest.mark.parametrize("score", [0.5, 1.0])
def test_without_kept_queries_everything_is_void(resolution, score):
    class_logits, mask_logits = scene(0)
    if score == 0.5:
        class_logits[:, -1] = 50
    merged = run(class_logits, mask_logits, place((30, 50), INPUT_HW), resolution, score=score)
    assert merged.segmentation.num_segments == 0
    assert merged.segmentation.image_hw == (30, 50)
    assert (merged.segmentation.label_map == VOID).all()
    assert (merged.content_map == VOID).all()


def halves(labels: list[int], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Two confident queries: the left and the right half of the input, inside logit as given."""
    class_logits = np.full((2, 6), -10, np.float32)
    class_logits[[0, 1], labels] = 10
    mask_logits = np.full((2, 16, 24), -10, np.float32)
    mask_logits[0, :, :12], mask_logits[1, :, 12:] = values
    return class_logits, mask_logits


def test_masks_below_one_half_stay_void():
    merged = run(*halves([0, 1], [-0.1, 3]), place(INPUT_HW, INPUT_HW), "mask")
    assert merged.segmentation.labels.tolist() == [1]
    assert (merged.segmentation.label_map[:, :48] == VOID).all()


def test_a_logit_of_exactly_zero_is_inside():
    merged = run(*halves([0, 1], [0, 3]), place(INPUT_HW, INPUT_HW), "mask")
    assert merged.segmentation.labels.tolist() == [0, 1]


def test_stuff_of_one_label_becomes_one_segment_and_things_do_not():
    placement = place(INPUT_HW, INPUT_HW)
    stuff = run(*halves([4, 4], [5, 5]), placement, "mask").segmentation
    things = run(*halves([1, 1], [5, 5]), placement, "mask").segmentation
    assert stuff.labels.tolist() == [4] and not stuff.label_map.any()
    assert things.labels.tolist() == [1, 1]


def test_of_two_equal_queries_the_first_wins_and_the_second_is_dropped():
    class_logits, mask_logits = halves([0, 1], [5, 5])
    mask_logits[1] = mask_logits[0]
    merged = run(class_logits, mask_logits, place(INPUT_HW, INPUT_HW), "input")
    assert merged.segmentation.labels.tolist() == [0]


@pytest.mark.parametrize(("threshold", "labels"), [(0.8, [0, 1]), (0.801, [0])])
def test_winning_exactly_the_threshold_of_its_own_mask_is_enough(threshold, labels):
    class_logits, mask_logits = halves([0, 1], [9, 3])
    mask_logits[1] = -10
    mask_logits[1, :, 9:24] = 3  # 15 columns, of which query 0 wins 3
    placement = place(INPUT_HW, INPUT_HW)
    merged = run(class_logits, mask_logits, placement, "mask", overlap=threshold)
    assert merged.segmentation.labels.tolist() == labels


def test_a_segment_that_has_no_pixel_left_in_a_small_image_is_dropped():
    class_logits, mask_logits = halves([0, 1], [5, 5])
    mask_logits[0], mask_logits[1] = -10, 5
    mask_logits[0, 0, 0] = 9  # one cell of 16 x 24; query 0 comes first
    mask_logits[1, 0, 0] = -9
    merged = run(class_logits, mask_logits, place((4, 6), INPUT_HW), "mask")
    assert merged.segmentation.labels.tolist() == [1]
    assert not merged.segmentation.label_map.any()
    assert merged.content_map[0, 0] == VOID and merged.content_map.max() == 0


@pytest.mark.parametrize("image_hw", [(9, 16), (19, 30), (19, 17), (30, 45), (64, 57), (63, 96)])
@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
def test_a_segment_on_the_last_cells_has_pixels_or_is_dropped(image_hw, resolution):
    class_logits, mask_logits = halves([0, 1], [5, 5])
    placement = place(image_hw, INPUT_HW)
    rows, columns = (-(-size // STRIDE) for size in placement.content_hw)
    for last in np.s_[rows - 1 :, :], np.s_[:, columns - 1 :]:
        mask_logits[0], mask_logits[1] = 5, -10
        mask_logits[0][last], mask_logits[1][last] = -10, 5
        merged = run(class_logits, mask_logits, placement, resolution)
        there = np.unique(merged.segmentation.label_map)
        assert there[there != VOID].tolist() == list(range(merged.segmentation.num_segments))


@pytest.mark.parametrize("resolution", ["mask", "input", "image"])
def test_a_segment_smaller_than_the_least_area_is_void(resolution):
    class_logits, mask_logits = halves([0, 1], [5, 5])
    mask_logits[0] = -5
    mask_logits[0, :2, :2] = 5  # 4 of 384 cells, 1 %; query 0 comes first
    placement = place((128, 192), INPUT_HW)
    both = run(class_logits, mask_logits, placement, resolution, area=0.005)
    assert both.segmentation.labels.tolist() == [0, 1]
    one = run(class_logits, mask_logits, placement, resolution, area=0.02)
    assert one.segmentation.labels.tolist() == [1]
    for found, expected in (
        (one.segmentation.label_map, both.segmentation.label_map),
        (one.content_map, both.content_map),
    ):
        np.testing.assert_array_equal(found, expected - 1 + (expected == VOID))


@pytest.mark.parametrize(("area", "labels"), [(0.5, [0, 1]), (0.501, [])])
def test_covering_exactly_the_least_area_is_enough(area, labels):
    merged = run(*halves([0, 1], [5, 5]), place(INPUT_HW, INPUT_HW), "mask", area=area)
    assert merged.segmentation.labels.tolist() == labels


def test_the_least_area_is_asked_of_joined_stuff_not_of_its_parts():
    stuff, things = (
        run(*halves(labels, [5, 5]), place(INPUT_HW, INPUT_HW), "mask", area=0.8)
        for labels in ([4, 4], [1, 1])
    )
    assert stuff.segmentation.labels.tolist() == [4]
    assert things.segmentation.num_segments == 0


def test_padding_is_never_part_of_a_segment():
    class_logits, mask_logits = scene(3)
    mask_logits[:] = 6  # masks reach over the padding
    placement = place((64, 32), INPUT_HW)
    for resolution in ("image", "input", "mask"):
        merged = run(class_logits, mask_logits, placement, resolution)
        covered_px = merged.content_map.shape[1] * merged.stride
        assert covered_px == placement.content_hw[1]


@pytest.mark.filterwarnings("error")
def test_extreme_logits_neither_warn_nor_win():
    class_logits, mask_logits = halves([0, 1], [500, 2])
    mask_logits[1, :, :12] = -500
    mask_logits[0, :, 12:] = -500
    merged = run(class_logits, mask_logits, place(INPUT_HW, INPUT_HW), "mask")
    expected = np.repeat([[0, 1]], 48, axis=1).repeat(64, axis=0)
    np.testing.assert_array_equal(merged.segmentation.label_map, expected)
