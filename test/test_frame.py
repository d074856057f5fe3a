# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A frame refuses what no camera gives, and says what it expected."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.frame import DISTORTIONS, Camera, Frame, Pose

IMAGE = np.zeros((4, 6, 3), np.uint8)
CAMERA = {"image_hw": (4, 6), "focal_xy": (5.0, 5.0), "center_xy": (2.5, 1.5)}


def test_a_frame_holds_its_arrays_and_copies_none():
    view, depth = np.zeros((8, 12, 3), np.uint8)[::2, ::-2], np.zeros((4, 6), np.float32)
    frame = Frame(view, depth, Camera(**CAMERA), stamp_ns=-5, frame_id="camera")
    assert frame.image is view and frame.depth is depth
    assert (frame.image_hw, frame.stamp_ns, frame.frame_id) == ((4, 6), -5, "camera")


def test_a_picture_alone_is_a_frame_of_no_stream():
    frame = Frame(IMAGE)
    assert (frame.depth, frame.camera, frame.stamp_ns, frame.frame_id) == (None, None, None, "")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((4, 4, 3), np.float32), r"float32 \[4, 4, 3\]"),
        (np.zeros((4, 4), np.uint8), r"uint8 \[4, 4\]"),
        (np.zeros((4, 4, 4), np.uint8), r"uint8 \[4, 4, 4\]"),
        (np.zeros((3, 4, 4), np.uint8), r"uint8 \[3, 4, 4\]"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \[0, 4, 3\]"),
        ([[1, 2, 3]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_not_an_rgb_image_is_refused_with_what_came(image, found):
    with pytest.raises(ValueError, match=r"uint8 \[height, width, 3\], not " + found):
        Frame(image)


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        (np.zeros((4, 6), np.uint16), r"metres.*not uint16 \[4, 6\]; divide millimetres"),
        (np.zeros((4, 6), np.float64), r"metres.*not float64 \[4, 6\]"),
        (np.zeros((4, 6, 1), np.float32), r"not float32 \[4, 6, 1\]"),
        ([[1.0]], "not list"),
        (np.zeros((2, 3), np.float32), "aligned with the image: 6 x 4 px, not 3 x 2 px"),
    ],
)
def test_depth_is_in_metres_and_aligned_with_the_image(depth, message):
    with pytest.raises(ValueError, match=message):
        Frame(IMAGE, depth)


def test_intrinsics_are_for_the_size_of_the_image():
    camera = Camera(**(CAMERA | {"image_hw": (8, 12)}))
    with pytest.raises(ValueError, match="for 12 x 8 px, but the image has 6 x 4 px"):
        Frame(IMAGE, camera=camera)


@pytest.mark.parametrize("stamp_ns", [1.5, "0", np.float64(3)])
def test_a_stamp_that_would_lose_nanoseconds_is_refused(stamp_ns):
    with pytest.raises(ValueError, match="integer number of nanoseconds"):
        Frame(IMAGE, stamp_ns=stamp_ns)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"focal_xy": (0.0, 5.0)}, "focal lengths above 0"),
        ({"focal_xy": (5.0, float("nan"))}, "finite intrinsics"),
        ({"center_xy": (float("inf"), 1.0)}, "finite intrinsics"),
        ({"distortion": (0.1, 0.0, float("nan"), 0.0)}, "finite intrinsics"),
        ({"image_hw": (0, 6)}, "image_hw of a camera must be 1 or more"),
        ({"distortion_model": "fisheye"}, "plumb_bob, .*, not 'fisheye'"),
        ({"distortion": (0.1,)}, "plumb_bob takes 0 or 4 or 5 distortion coefficients, not 1"),
        ({"distortion_model": "equidistant"}, "equidistant takes 4 distortion coefficients, not 0"),
    ],
)
def test_intrinsics_that_no_camera_has_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Camera(**(CAMERA | changes))


@pytest.mark.parametrize("model", DISTORTIONS)
def test_every_distortion_model_of_camera_info_is_known(model):
    for count in DISTORTIONS[model]:
        assert Camera(**CAMERA, distortion_model=model, distortion=(0.0,) * count)


def test_a_frame_in_space_names_where_positions_are_given():
    depth, pose = np.ones((4, 6), np.float32), Pose("map", translation=np.array([0.0, 0.0, 1.0]))
    assert Frame(IMAGE, depth, Camera(**CAMERA), pose=pose).spatial_frame_id == "map"
    assert Frame(IMAGE, depth, Camera(**CAMERA)).spatial_frame_id == ""
    assert Frame(IMAGE, None, Camera(**CAMERA), pose=pose).spatial_frame_id == ""
    np.testing.assert_array_equal(pose(np.array([[1.0, 2.0, 3.0]])), [[1, 2, 4]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "must name the frame"),
        (("map", np.eye(4)), r"rotation \[3, 3\] and a translation \[3\], not \[4, 4\]"),
        (("map", 2 * np.eye(3)), "rows of its rotation orthonormal"),
        (("map", np.full((3, 3), np.nan)), "rows of its rotation orthonormal"),
        (("map", np.eye(3), np.array([0, 0, np.inf])), "must be finite"),
    ],
)
def test_a_pose_that_is_none_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Pose(*arguments)


@pytest.mark.parametrize("up", [(0, 0, 0), (0, float("nan"), 1), (0, 1)])
def test_a_direction_that_points_nowhere_is_refused(up):
    with pytest.raises(ValueError, match="a direction must be three finite numbers"):
        Frame(IMAGE, up=up)
