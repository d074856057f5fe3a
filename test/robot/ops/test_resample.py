# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Antialiased bilinear scaling against Pillow, byte by byte."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.robot.ops.resample import resize_antialiased

Image = pytest.importorskip("PIL.Image")


def pillow(image: np.ndarray, out_hw: tuple[int, int]) -> np.ndarray:
    size_wh = out_hw[::-1]
    return np.asarray(Image.fromarray(image).resize(size_wh, Image.Resampling.BILINEAR))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("in_hw", "out_hw"),
    [
        ((108, 192), (36, 64)),
        ((427, 640), (171, 256)),
        ((96, 54), (64, 36)),
        ((97, 151), (41, 64)),
        ((20, 30), (43, 64)),
        ((7, 5), (64, 46)),
        ((64, 64), (64, 64)),
        ((64, 128), (64, 64)),
        ((1, 300), (1, 64)),
        ((1, 1), (8, 8)),
        ((480, 640), (1, 2)),
    ],
)
def test_every_byte_is_pillows(in_hw, out_hw):
    image = noise(*in_hw)
    np.testing.assert_array_equal(resize_antialiased(image, out_hw), pillow(image, out_hw))


@pytest.mark.parametrize("seed", range(30))
def test_every_byte_is_pillows_at_random_sizes_of_the_same_aspect(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(8, 200, 2)
    width = max(width, height * 2 // 3)  # see test_tall_pictures
    factor = rng.uniform(0.1, 3)
    out_hw = (max(1, round(height * factor)), max(1, round(width * factor)))
    image = noise(height, width)
    np.testing.assert_array_equal(resize_antialiased(image, out_hw), pillow(image, out_hw))


def test_tall_pictures_differ_by_one_at_most():
    image = noise(300, 60)
    difference = resize_antialiased(image, (64, 13)).astype(int) - pillow(image, (64, 13))
    assert np.abs(difference).max() <= 1


def test_a_view_with_mirrored_channels_is_read_as_it_is():
    image = noise(50, 70)
    mirrored = resize_antialiased(image[:, :, ::-1], (20, 28))
    np.testing.assert_array_equal(mirrored, resize_antialiased(image, (20, 28))[:, :, ::-1])


def test_flat_colours_stay():
    image = np.full((90, 160, 3), (0, 255, 77), np.uint8)
    assert (resize_antialiased(image, (36, 64)) == (0, 255, 77)).all()
