# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where pixels look, against OpenCV's projection, which goes the other way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from psg_ros.frame import Camera
from psg_ros.robot.space.rays import rays_of

CAMERAS = {
    "pinhole": Camera((48, 64), (50.0, 52.0), (31.0, 24.5)),
    "plumb_bob": Camera(
        (48, 64), (50.0, 52.0), (31.0, 24.5), "plumb_bob", (-0.2, 0.05, 0.001, -0.002, 0.0)
    ),
    "equidistant": Camera(
        (48, 64), (50.0, 52.0), (31.0, 24.5), "equidistant", (0.01, 0.002, 0.0, 0.0)
    ),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_projected_again_every_ray_meets_its_pixel(name):
    camera = CAMERAS[name]
    rays = rays_of(camera).reshape(-1, 1, 2).astype(np.float64)
    points = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=2)
    (fx, fy), (cx, cy) = camera.focal_xy, camera.center_xy
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    project = cv2.fisheye.projectPoints if name == "equidistant" else cv2.projectPoints
    still, distortion = np.zeros(3), np.array(camera.distortion or (0.0,) * 4)
    pixels, _ = project(points, still, still, matrix, distortion)
    columns, rows = np.meshgrid(np.arange(64), np.arange(48))
    expected = np.stack([columns, rows], axis=2).reshape(-1, 1, 2)
    np.testing.assert_allclose(pixels, expected, atol=0.05)


def test_rays_are_kept_for_the_next_frame():
    assert rays_of(CAMERAS["pinhole"]) is rays_of(CAMERAS["pinhole"])


def test_a_calibration_that_leads_nowhere_has_no_rays_there():
    bad = Camera((48, 64), (1e-300, 52.0), (31.0, 24.5))
    assert np.isnan(rays_of(bad)).any() and not np.isinf(rays_of(bad)).any()
