# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Positions of painted surfaces whose place is known: robust, honest about it, in any frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from psg_ros.frame import Camera, Frame, Pose
from psg_ros.robot.space.positions import measure_positions
from psg_ros.robot.space.rays import rays_of
from psg_ros.scene_graph import Segmentation

HW = (240, 320)
CAMERA = Camera(HW, (300.0, 300.0), (159.5, 119.5))
BOX = (slice(80, 140), slice(100, 180))
AWAY_M = 2.0
CENTIMETRE = 0.01


def pixels(*places):
    """Return a label map with a segment for each place."""
    label_map = np.full(HW, -1, np.int32)
    for segment, place in enumerate(places):
        label_map[place] = segment
    return label_map


def frame_of(depth, camera=CAMERA, pose=None):
    image = np.zeros((*depth.shape, 3), np.uint8)
    return Frame(image, depth.astype(np.float32), camera, 0, "eye", pose or Pose("eye"))


def measure(label_map, depth, camera=CAMERA, pose=None):
    count = int(label_map.max()) + 1
    scores = np.ones(count, np.float32)
    segmentation = Segmentation(label_map, np.zeros(count, np.int64), scores)
    return measure_positions(frame_of(depth, camera, pose), segmentation)


def board():
    """A board 2 m away, parallel to the image, before a wall in 5 m; and its middle."""
    depth = np.full(HW, 5.0)
    depth[BOX] = AWAY_M
    middle = np.array([(139.5 - 159.5) / 300 * AWAY_M, (109.5 - 119.5) / 300 * AWAY_M, AWAY_M])
    return depth, middle


def test_a_board_is_where_it_is_and_as_large():
    depth, middle = board()
    (position,) = measure(pixels(BOX), depth)
    np.testing.assert_allclose(position.xyz_m, middle, atol=1e-3)
    # Its border, one pixel on each side, is left out: 80 x 60 px of 2 / 300 m.
    np.testing.assert_allclose(position.size_m, (0.53, 0.40, 0.0), atol=0.03)


def test_a_lens_is_undone_only_where_depth_is_read(monkeypatch):
    """All rays of a wide lens in full HD would take seconds and a gigabyte of the first frame."""
    undone, undo = [], cv2.undistortPoints
    monkeypatch.setattr(
        cv2,
        "undistortPoints",
        lambda points, *lens: undone.append(len(points)) or undo(points, *lens),
    )
    wide = Camera((1080, 1920), (800.0, 800.0), (960.0, 540.0), "plumb_bob", (-0.3, 0.1, 0.0, 0.0))
    (position,) = measure(np.zeros((1080, 1920), np.int32), np.full((1080, 1920), AWAY_M), wide)
    assert position.xyz_m[2] == pytest.approx(AWAY_M)
    assert undone and sum(undone) < 100_000


def with_noise(depth, random):
    return depth + random.normal(0, 0.02, HW)


def with_stray_values(depth, random):
    depth[random.random(HW) < 0.15] = 9.0
    depth[random.random(HW) < 0.10] = 0.2
    return depth


def with_holes(depth, random):
    depth[random.random(HW) < 0.6] = 0
    depth[random.random(HW) < 0.1] = np.nan
    depth[random.random(HW) < 0.1] = np.inf
    depth[random.random(HW) < 0.1] = -np.inf
    depth[random.random(HW) < 0.1] = -3.0
    return depth


def with_mixed_borders(depth, random):
    return cv2.blur(depth, (3, 3))


@pytest.mark.parametrize(
    "spoil",
    [with_noise, with_stray_values, with_holes, with_mixed_borders],
    ids=lambda f: f.__name__,
)
def test_what_a_sensor_does_moves_it_by_less_than_a_centimetre(spoil):
    depth, middle = board()
    (position,) = measure(pixels(BOX), spoil(depth, np.random.default_rng(0)))
    assert np.linalg.norm(np.array(position.xyz_m) - middle) < CENTIMETRE
    assert np.isfinite(position.covariance_m2).all()


def test_a_mask_that_spills_over_the_wall_behind_does_not_reach_there():
    depth, middle = board()
    label_map = pixels((slice(76, 144), slice(96, 186)))
    (position,) = measure(label_map, depth)
    assert np.linalg.norm(np.array(position.xyz_m) - middle) < 0.02
    assert max(position.size_m) < 0.6


def test_a_floor_that_reaches_far_is_no_outlier_of_itself():
    rows = np.arange(HW[0])[:, None]
    depth = np.broadcast_to(np.where(rows > 130, 360 / np.maximum(rows - 119.5, 1), 9.0), HW)
    (position,) = measure(pixels(slice(150, 240)), np.array(depth))
    assert position.size_m[2] > 0.9 * (360 / 30.5 - 360 / 119.5)


def test_what_is_too_thin_for_an_inside_is_measured_at_its_border():
    depth = np.full(HW, AWAY_M)
    (position,) = measure(pixels((slice(60, 200), slice(150, 152))), depth)
    assert position.xyz_m[2] == pytest.approx(AWAY_M)


def test_segments_without_enough_depth_have_none_and_others_keep_theirs():
    depth, _ = board()
    hidden, tiny = (slice(0, 40), slice(0, 40)), (slice(200, 203), slice(10, 13))
    depth[hidden] = 0
    found = measure(pixels(hidden, BOX, tiny), depth)
    assert [position is None for position in found] == [True, False, True]


@pytest.mark.parametrize(
    ("camera", "pose"),
    [
        (Camera(HW, (300.0, 300.0), (1e300, 119.5)), None),
        (Camera(HW, (1e-300, 300.0), (159.5, 119.5)), None),
        (Camera(HW, (300.0, 300.0), (0.0, 0.0), "plumb_bob", (1e300, 0.0, 0.0, 0.0)), None),
        (CAMERA, Pose("map", translation=np.array([1e308, 1e308, 0.0]))),
    ],
)
def test_absurd_intrinsics_and_poses_lead_nowhere_and_cost_no_graph(camera, pose):
    (position,) = measure(pixels(BOX), board()[0], camera, pose)
    assert position is None or np.isfinite(position.xyz_m).all()


def test_no_segments_have_no_positions():
    assert measure(pixels(), board()[0]) == ()


def test_positions_covariance_and_size_are_in_the_frame_of_the_pose():
    depth, middle = board()
    # A camera 1 m up that looks along x of the robot's base.
    rotation = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    pose = Pose("base_link", rotation, np.array([0.2, 0.0, 1.0]))
    (here,), (there,) = measure(pixels(BOX), depth), measure(pixels(BOX), depth, pose=pose)
    expected = (AWAY_M + 0.2, -middle[0], 1.0 - middle[1])
    np.testing.assert_allclose(there.xyz_m, expected, atol=1e-3)
    np.testing.assert_allclose(there.size_m, np.roll(here.size_m, 1), atol=1e-9)
    turned = rotation @ np.reshape(here.covariance_m2, (3, 3)) @ rotation.T
    np.testing.assert_allclose(np.reshape(there.covariance_m2, (3, 3)), turned, atol=1e-12)


@pytest.mark.parametrize(
    "camera",
    [
        Camera(HW, (300.0, 300.0), (159.5, 119.5), "plumb_bob", (-0.25, 0.1, 0.0, 0.0, 0.0)),
        Camera(HW, (200.0, 200.0), (159.5, 119.5), "equidistant", (0.02, 0.001, 0.0, 0.0)),
    ],
    ids=lambda camera: camera.distortion_model,
)
def test_lenses_are_undone(camera):
    """Away from the middle, where a pinhole would be off by decimetres."""
    place = (slice(10, 50), slice(10, 60))
    (position,) = measure(pixels(place), np.full(HW, AWAY_M), camera)
    centre = rays_of(camera)[place].reshape(-1, 2).mean(axis=0) * AWAY_M
    np.testing.assert_allclose(position.xyz_m, (*centre, AWAY_M), atol=2e-3)
    pinhole = Camera(HW, camera.focal_xy, camera.center_xy)
    (flat,) = measure(pixels(place), np.full(HW, AWAY_M), pinhole)
    assert np.linalg.norm(np.subtract(flat.xyz_m, position.xyz_m)) > 0.05


def test_the_error_is_as_large_as_the_covariance_says():
    """Of a camera with noise and a scale that is off by half a percent, normalised and squared."""
    depth, middle = board()
    random, normalised = np.random.default_rng(1), []
    for _ in range(200):
        scale = random.normal(1, 0.005)
        (position,) = measure(pixels(BOX), depth * scale + random.normal(0, 0.01, HW))
        error = np.array(position.xyz_m) - middle
        covariance = np.reshape(position.covariance_m2, (3, 3))
        normalised.append(error @ np.linalg.solve(covariance, error))
    # Three dimensions, of which only the line of sight has an error here: at most 3 on average.
    assert 0.3 < np.mean(normalised) < 3.0
    assert np.mean(np.array(normalised) < 11.3) > 0.98  # the 99th percentile of chi-squared with 3
