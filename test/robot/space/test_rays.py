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
    # OpenCV's own way back is 26, 32 and 70 px off at the corners of such images of 512 x 512 and
    # 640 x 480 px; the first is like that of a depth camera which sees 120 degrees.
    "wide rational_polynomial": Camera(
        (64, 64), (31.5, 31.5), (32.0, 32.0), "rational_polynomial",
        (3.3, 2.0, 0.0, 0.0, 0.1, 3.6, 3.4, 0.6),
    ),
    "wide pincushion": Camera((48, 64), (30.0, 30.0), (32.0, 24.0), "plumb_bob", (0.3, 0.1, 0, 0)),
    "wide equidistant": Camera(
        (48, 64), (22.0, 22.0), (32.0, 24.0), "equidistant", (0.1, 0.0, 0.0, 0.0)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CAMERAS)
def test_projected_again_every_ray_meets_its_pixel(name):
    camera = CAMERAS[name]
    rays = rays_of(camera).reshape(-1, 1, 2).astype(np.float64)
    points = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=2)
    (fx, fy), (cx, cy) = camera.focal_xy, camera.center_xy
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    is_fisheye = camera.distortion_model == "equidistant"
    project = cv2.fisheye.projectPoints if is_fisheye else cv2.projectPoints
    still, distortion = np.zeros(3), np.array(camera.distortion or (0.0,) * 4)
    pixels, _ = project(points, still, still, matrix, distortion)
    columns, rows = np.meshgrid(*map(np.arange, camera.image_hw[::-1]))
    expected = np.stack([columns, rows], axis=2).reshape(-1, 1, 2)
    np.testing.assert_allclose(pixels, expected, atol=0.05)


def test_no_ray_leads_to_what_the_lens_does_not_show():
    """A fisheye shows a circle, and this strong a barrel turns back before the corners."""
    fisheye = Camera((64, 64), (26.0, 26.0), (31.5, 31.5), "equidistant", (-0.05, 0.0, 0.0, 0.0))
    barrel = Camera(
        (64, 64), (30.0, 30.0), (31.5, 31.5), "plumb_bob", (-0.28, 0.06, 0.0, 0.0, -0.005)
    )
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    away_px = np.hypot(columns - 31.5, rows - 31.5)
    angles = np.linspace(0, np.pi / 2, 1000)
    for camera, most in (
        (fisheye, 26.0 * (angles - 0.05 * angles**3).max()),
        (
            barrel,
            30.0 * max(r * (1 - 0.28 * r**2 + 0.06 * r**4 - 0.005 * r**6) for r in 2 * angles),
        ),
    ):
        seen = np.isfinite(rays_of(camera)).all(axis=2)
        assert seen[away_px < most - 1].all() and not seen[away_px > most + 1].any()


@pytest.mark.parametrize("lens", [(-0.4, -0.06, 0.02), (-0.51, -0.21, 0.04), (-0.53, -0.2, 0.2)])
def test_no_ray_lies_beyond_where_the_image_turns_back(lens):
    """There the polynomial meets pixels again: from the other side, or much too far out."""
    away = np.linspace(0, 5, 5001)
    image = away * (1 + lens[0] * away**2 + lens[1] * away**4 + lens[2] * away**6)
    last = away[np.argmax(np.diff(image) < 0)]
    coefficients = (lens[0], lens[1], 0.0, 0.0, lens[2])
    rays = rays_of(Camera((64, 64), (32.0, 32.0), (32.0, 32.0), "plumb_bob", coefficients))
    found = np.hypot(*np.moveaxis(rays, 2, 0))
    assert 0.8 * last < np.nanmax(found) < 1.03 * last


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("step", [3, 100])
def test_a_coarse_grid_has_the_rays_of_its_pixels(name, step):
    """Nobody needs all pixels, which take seconds and a gigabyte in full HD."""
    coarse, whole = rays_of(CAMERAS[name], step), rays_of(CAMERAS[name])
    np.testing.assert_allclose(coarse, whole[::step, ::step], atol=1e-3)


def test_rays_are_kept_for_the_next_frame():
    assert rays_of(CAMERAS["pinhole"]) is rays_of(CAMERAS["pinhole"])


def test_a_calibration_that_leads_nowhere_has_no_rays_there():
    bad = Camera((48, 64), (1e-300, 52.0), (31.0, 24.5))
    assert np.isnan(rays_of(bad)).any() and not np.isinf(rays_of(bad)).any()
