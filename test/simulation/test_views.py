# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera paths and the blur of a moving camera."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation import scenes
from psg_ros.simulation.rendering import CameraPose
from psg_ros.simulation.views import between, smear


class Fixed:
    """A random generator whose draws are known: low ends, or a share of the range."""

    def __init__(self, share: float) -> None:
        self.share = share

    def random(self) -> float:
        return self.share

    def uniform(self, low: float, high: float) -> float:
        return low + self.share * (high - low)


def test_a_pose_between_two_others():
    one = CameraPose((0, 0, 0), 1.0, 80.0, -10.0, 40.0)
    other = CameraPose((1, 2, 4), 3.0, 100.0, -30.0, 48.0)
    assert between(one, other, 0.0) == one and between(one, other, 1.0) == other
    assert between(one, other, 0.25) == CameraPose((0.25, 0.5, 1.0), 1.5, 85.0, -15.0, 42.0)


def test_a_picture_is_smeared_along_a_line_and_keeps_its_brightness():
    rgb = np.zeros((60, 320, 3), np.uint8)
    rgb[:, 160] = 200
    smeared = smear(rgb, Fixed(0.0))
    touched = np.flatnonzero(smeared[30, :, 0])
    assert 3 <= len(touched) <= 7 and abs(touched.mean() - 160) < 1
    assert smeared.mean() == pytest.approx(rgb.mean(), rel=0.05)


def test_most_pictures_stay_sharp():
    rgb = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    assert smear(rgb, Fixed(0.5)) is rgb


def test_a_filmed_scene_changes_little_from_view_to_view(renderer, monkeypatch):
    def step(share: float) -> float:
        monkeypatch.setattr(scenes, "FILMED_SHARE", share)
        frames = [frame.depth for frame in scenes.render_views(renderer, [0, 0, 3], 3)]
        return float(np.abs(frames[0] - frames[1]).mean())

    assert 0.0 < step(1.0) < step(0.0)
