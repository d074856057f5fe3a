# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the picture moves as a whole, and when it was cut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tracked_stream import scene

from psg_ros.config import PipelineConfig
from psg_ros.robot.tracking.camera_motion import SIDE_PX, estimate_motion, shrink

CUT = PipelineConfig().track_cut


def moved(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("hw", [(480, 640), (1080, 1920), (60, 80), (1, 5000), (2000, 1), (1, 1)])
def test_the_small_view_has_the_side_it_should(hw):
    view = shrink(np.zeros((*hw, 3), np.uint8))
    assert max(view.grey.shape) <= SIDE_PX
    assert min(view.grey.shape) >= 1
    assert view.step == -(-max(hw) // SIDE_PX)


@pytest.mark.parametrize(
    ("angle", "zoom", "shift"),
    [(0, 1, (24, -15)), (4, 1, (0, 0)), (0, 1.08, (-9, 6)), (-3, 0.94, (12, 12))],
)
def test_shift_turn_and_zoom_are_found(angle, zoom, shift):
    matrix = cv2.getRotationMatrix2D((320, 240), angle, zoom)
    matrix[:, 2] += shift
    first = scene(1)
    last, current = shrink(first), shrink(moved(first, matrix))
    motion = estimate_motion(last, current)
    points = np.array([[30.0, 20.0], [180.0, 40.0], [100.0, 120.0]])
    expected = (points * last.step @ matrix[:, :2].T + matrix[:, 2]) / last.step
    np.testing.assert_allclose(motion.move(points), expected, atol=0.7)
    assert motion.zoom == pytest.approx(zoom, abs=0.01)
    assert motion.likeness > 0.8


def test_another_scene_is_a_cut_whatever_it_is():
    for seed in range(6):
        motion = estimate_motion(shrink(scene(seed)), shrink(scene(seed + 50)))
        assert motion.likeness < CUT, seed


def test_a_light_that_goes_on_or_out_is_no_cut():
    image = scene(3)
    dark = (image * 0.35).astype(np.uint8)
    half = image.copy()
    half[:, :320] = half[:, :320] // 3
    for other in (dark, half):
        for pair in ((image, other), (other, image)):
            assert estimate_motion(*map(shrink, pair)).likeness > 2 * CUT


def test_a_hand_that_comes_into_the_picture_is_no_cut():
    image = scene(4)
    other = image.copy()
    cv2.rectangle(other, (200, 150), (480, 480), (190, 140, 120), -1)
    assert estimate_motion(shrink(image), shrink(other)).likeness > CUT


def test_pictures_without_contrast_stand_still_and_are_alike():
    grey, white = (np.full((48, 64, 3), value, np.uint8) for value in (90, 255))
    for pair in ((grey, grey), (grey, white)):
        motion = estimate_motion(*map(shrink, pair))
        np.testing.assert_array_equal(motion.matrix, np.eye(2, 3))
        assert motion.likeness == 1.0


def test_a_scene_that_moves_in_all_directions_counts_as_standing():
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(2))
    motion = estimate_motion(shrink(first), shrink(second))
    np.testing.assert_allclose(motion.move(np.zeros(2)), 0, atol=3)
