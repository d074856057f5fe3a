# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The endless camera."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation import CLASSES, SimulatedCamera


@pytest.fixture
def open_camera():
    """Cameras of 160 x 120 pixels, closed after the test."""
    cameras = []

    def make(seed=0, **options):
        cameras.append(SimulatedCamera(seed, (160, 120), **options))
        return cameras[-1]

    yield make
    for camera in cameras:
        camera.close()


def test_a_frame_is_a_picture_with_its_truth(open_camera):
    rgb, truth = open_camera().read()
    assert rgb.shape == (120, 160, 3) and rgb.dtype == np.uint8
    np.testing.assert_array_equal(rgb, truth.rgb)
    assert truth.label_map.shape == truth.depth.shape == (120, 160)
    assert truth.label_map.max() == len(truth.labels) - 1
    assert truth.labels.min() >= 0 and truth.labels.max() < len(CLASSES)
    assert rgb.mean() > 50


def test_the_camera_moves_smoothly_within_a_scene_and_then_jumps(open_camera):
    camera = open_camera(rate_hz=10, scene_s=0.5)
    frames = [camera.read()[0].astype(int) for _ in range(6)]
    steps = [np.abs(a - b).mean() for a, b in zip(frames[:-1], frames[1:], strict=True)]
    assert all(step > 0.1 for step in steps), "it stands still"
    assert max(steps[:4]) < steps[4], "the sixth frame is of the next scene"


def test_the_same_seed_gives_the_same_film(open_camera):
    one, other = open_camera(7), open_camera(7)
    for _ in range(2):
        np.testing.assert_array_equal(one.read()[0], other.read()[0])


def test_disturbances_push_things(open_camera):
    calm, pushed = open_camera(3), open_camera(3, disturbances=True, rate_hz=1.0)
    calm.read()
    pushed.read()
    before = pushed._scene.data.qpos.copy()
    for _ in range(4):
        pushed.read()
    assert np.abs(pushed._scene.data.qpos - before).max() > 0.005


def test_it_can_be_iterated(open_camera):
    frames = [rgb for rgb, _ in zip(open_camera(), range(2), strict=False)]
    assert len(frames) == 2


def test_a_closed_camera_says_so(open_camera):
    camera = open_camera()
    camera.close()
    camera.close()
    with pytest.raises(RuntimeError, match="closed"):
        camera.read()


@pytest.mark.parametrize("options", [{"rate_hz": 0}, {"scene_s": -1}])
def test_senseless_rates_are_refused(options):
    with pytest.raises(ValueError, match="positive"):
        SimulatedCamera(0, **options)
