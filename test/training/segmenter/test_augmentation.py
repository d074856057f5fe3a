# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A picture and its segments stay together, whatever is done to them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from psg_ros.robot.ops.resample import resize_antialiased
from psg_ros.training.segmenter.augmentation import (
    VOID_BYTE,
    Sample,
    augment,
    large_scale_jitter,
    photo,
    rescale,
)

SIZES = [(32, 48), (64, 64), (96, 32)]
KERNEL = np.ones((3, 3), np.uint8)
RED_GREEN_BLUE = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200)], np.uint8)


def painted(segments: np.ndarray) -> Sample:
    """A picture in which segment k shines in channel k, whatever contrast and brightness are."""
    return Sample(RED_GREEN_BLUE[segments], segments.astype(np.uint8), np.arange(3))


def stripes(height: int = 90, width: int = 120, thickness: int = 9) -> np.ndarray:
    rows, columns = np.arange(height) // thickness, np.arange(width) // thickness
    return (rows[:, None] + columns) % 3


@pytest.mark.parametrize("change", [augment, large_scale_jitter])
@pytest.mark.parametrize("size_hw", SIZES)
@pytest.mark.parametrize("thickness", [5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_picture_and_segments_stay_aligned(size_hw, thickness, seed, change):
    base = painted(stripes(5 * thickness, 6 * thickness, thickness))
    sample = change(base, size_hw, np.random.default_rng(seed))
    inside = cv2.erode(sample.segments, KERNEL) == cv2.dilate(sample.segments, KERNEL)
    assert inside.any()
    assert (sample.image.argmax(axis=-1) == sample.segments)[inside].all()


def test_edges_of_shrunk_segments_are_not_shifted():
    edge = np.zeros((60, 120), int)
    edge[:, 70:] = 1
    shifts = []
    for seed in range(60):
        sample = augment(painted(edge), (32, 64), np.random.default_rng(seed))
        red = sample.image[0, :, 0].astype(float)
        shown = ((red - red.min()) / (red.max() - red.min())).sum()
        shifts.append((sample.segments[0] == 0).sum() - shown)
    assert np.abs(shifts).max() <= 0.75
    assert abs(np.mean(shifts)) < 0.1, "in px of the shrunk picture"


@pytest.mark.parametrize("change", [augment, large_scale_jitter, photo])
def test_pictures_are_scaled_in_the_way_of_the_model(change):
    """A segmenter is trained on pictures scaled as it will be fed, down to aliasing."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    sample = Sample(noise, np.zeros((90, 120), np.uint8), np.zeros(1, np.int64))
    pictures = [
        change(sample, (32, 48), np.random.default_rng(1), scaling).image
        for scaling in ("area", "eomt", "transformers")
    ]
    assert pictures[0].shape == pictures[1].shape
    assert (pictures[0] != pictures[1]).mean() > 0.5
    assert np.array_equal(pictures[1], pictures[2])


@pytest.mark.parametrize("factor", [0.3, 1.7])
def test_the_way_of_eomt_is_antialiased_bilinear(factor):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    sample = Sample(noise, np.zeros((60, 80), np.uint8), np.zeros(1, np.int64))
    scaled = rescale(sample, (60, 80), factor, "eomt").image
    assert np.array_equal(scaled, resize_antialiased(noise, scaled.shape[:2]))


def test_augmented_samples_fit_and_vary():
    rng, base = np.random.default_rng(3), painted(stripes())
    shapes, flipped, means = set(), set(), set()
    for _ in range(20):
        sample = augment(base, (48, 64), rng)
        height, width = sample.segments.shape
        assert sample.image.shape == (height, width, 3) and sample.image.dtype == np.uint8
        assert height <= 48 and width <= 64 and (height == 48 or width >= 57)
        shapes.add((height, width))
        flipped.add(tuple(sample.segments[0, :8]))
        means.add(round(float(sample.image.mean()), 3))
    assert len(shapes) > 3 and len(flipped) > 3 and len(means) == 20


def test_a_flip_turns_left_and_right():
    halves = np.zeros((32, 32), int)
    halves[:, 16:] = 1
    rngs = [np.random.default_rng(seed) for seed in range(30)]
    starts = [augment(painted(halves), (32, 32), rng).segments[:, 0].tolist() for rng in rngs]
    assert all(len(set(start)) == 1 for start in starts)
    assert 5 <= sum(start[0] for start in starts) <= 25


def test_large_scale_jitter_shows_parts_and_leaves_room():
    base, rng = painted(stripes(90, 120, 9)), np.random.default_rng(1)
    samples = [large_scale_jitter(base, (96, 128), rng) for _ in range(60)]
    widths = [sample.segments.shape[1] for sample in samples]
    assert min(widths) < 40 and max(widths) == 128
    assert 0.3 < np.mean([width == 128 for width in widths]) < 0.75, "half are larger than fits"
    assert all(sample.labels.tolist() == [0, 1, 2] for sample in samples)


def test_large_scale_jitter_keeps_the_colours():
    base = painted(np.zeros((40, 40), int))
    sample = large_scale_jitter(base, (32, 32), np.random.default_rng(0))
    assert (sample.image == RED_GREEN_BLUE[0]).all()


def test_a_crop_without_segments_is_drawn_again():
    segments = np.full((200, 200), VOID_BYTE, np.uint8)
    segments[:60, :60] = 0
    base = Sample(np.zeros((200, 200, 3), np.uint8), segments, np.array([3]))
    for seed in range(30):
        sample = large_scale_jitter(base, (64, 64), np.random.default_rng(seed))
        assert (sample.segments == 0).any()


def test_a_picture_without_segments_is_cropped_all_the_same():
    void = np.full((20, 30), VOID_BYTE, np.uint8)
    base = Sample(np.zeros((20, 30, 3), np.uint8), void, np.zeros(0, np.int64))
    sample = large_scale_jitter(base, (16, 16), np.random.default_rng(0))
    assert (sample.segments == VOID_BYTE).all()


def test_photos_are_shown_near_and_far_in_other_colours_blurred_or_grey():
    base = painted(stripes(90, 120, 9))
    samples = [photo(base, (96, 128), np.random.default_rng(seed)) for seed in range(80)]
    widths = [sample.segments.shape[1] for sample in samples]
    assert min(widths) < 90 and 0.4 < np.mean([width == 128 for width in widths]) < 0.9
    assert all(sample.image.shape[:2] == sample.segments.shape for sample in samples)
    grey = [not np.ptp(sample.image.astype(int), axis=2).any() for sample in samples]
    assert 1 <= sum(grey) <= 12
    assert len({sample.image.tobytes() for sample in samples}) == len(samples)
    again = photo(base, (96, 128), np.random.default_rng(5))
    np.testing.assert_array_equal(again.image, samples[5].image)


def test_a_photo_keeps_its_scores():
    base = replace(painted(np.zeros((40, 40), int)), scores=np.float32([0.5, 1, 1]))
    assert photo(base, (32, 32), np.random.default_rng(0)).scores.tolist() == [0.5, 1, 1]
