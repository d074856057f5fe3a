# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CameraInfo to Camera: lenses, parts of the sensor, scaled images, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from psg_ros.ros.camera_model import camera_of

HW = (480, 640)


def camera_info(model="plumb_bob", d=(), size=(640, 480), roi=(0, 0, 0, 0), **changes):
    left, top, width, height = roi
    fields = {
        "width": size[0], "height": size[1], "distortion_model": model, "d": list(d),
        "k": [600.0, 0, 320, 0, 610, 240, 0, 0, 1],
        "p": [500.0, 0, 310, 0, 0, 505, 230, 0, 0, 0, 1, 0],
        "roi": SimpleNamespace(x_offset=left, y_offset=top, width=width, height=height),
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


def lens(camera):
    return camera.distortion_model, camera.distortion


def test_a_camera_is_taken_as_it_says():
    camera = camera_of(camera_info(d=(0.1, -0.2, 0.001, 0.002, 0.05)), HW)
    assert camera.image_hw == HW
    assert camera.focal_xy == (600, 610) and camera.center_xy == (320, 240)
    assert lens(camera) == ("plumb_bob", (0.1, -0.2, 0.001, 0.002, 0.05))


EIGHT = (0.1, -0.2, 0.001, 0.002, 0.05, 0.3, 0.1, 0.01)


@pytest.mark.parametrize(
    ("model", "d", "expected"),
    [
        ("", (), ("plumb_bob", ())),
        ("", (0.1, 0, 0, 0, 0), ("plumb_bob", (0.1, 0, 0, 0, 0))),
        ("plumb_bob", (0.0,) * 5, ("plumb_bob", ())),
        ("plumb_bob", (0.0,) * 8, ("plumb_bob", ())),
        ("plumb_bob", EIGHT, ("rational_polynomial", EIGHT)),
        ("rational_polynomial", EIGHT, ("rational_polynomial", EIGHT)),
        ("equidistant", (0.1, 0.01, 0, 0), ("equidistant", (0.1, 0.01, 0, 0))),
        ("fisheye", (0.1, 0.01, 0, 0), ("equidistant", (0.1, 0.01, 0, 0))),
        ("equidistant", (), ("plumb_bob", ())),
        ("Plumb_Bob", (0.1, 0, 0, 0), ("plumb_bob", (0.1, 0, 0, 0))),
        ("none", (), ("plumb_bob", ())),
        ("whatever", (0.0,), ("plumb_bob", ())),
    ],
)
def test_lenses_by_all_their_names(model, d, expected):
    assert lens(camera_of(camera_info(model, d), HW)) == expected


def test_of_rectified_images_the_lens_is_undone():
    camera = camera_of(camera_info(d=(0.1, 0, 0, 0, 0)), HW, rectified=True)
    assert camera.focal_xy == (500, 505) and camera.center_xy == (310, 230)
    assert lens(camera) == ("plumb_bob", ())


def test_an_image_of_half_the_size_has_half_the_focal_length():
    camera = camera_of(camera_info(), (240, 320))
    assert camera.focal_xy == (300, 305)
    # The corner of the image stays where it is: -0.5 before, -0.5 after.
    assert camera.center_xy == (159.75, 119.75)


def test_a_part_of_the_sensor_is_counted_from_its_own_corner_binned_or_not():
    info = camera_info(roi=(100, 40, 400, 200))
    camera = camera_of(info, (200, 400))
    assert camera.focal_xy == (600, 610) and camera.center_xy == (220, 200)
    assert camera_of(info, (100, 200)).focal_xy == (300, 305)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (camera_info(k=[0.0] * 9), r"not calibrated \(K\[0\] is 0\): calibrate"),
        (camera_info(k=[float("nan")] * 9), "finite intrinsics"),
        (camera_info(k=[-600.0, 0, 320, 0, 610, 240, 0, 0, 1]), "focal lengths above 0"),
        (camera_info("omni", (0.1,) * 4), "distortion model 'omni', not one of plumb_bob, .*"),
        (camera_info("equidistant", (0.1,) * 5), "equidistant takes 4 .* not 5"),
        (camera_info(d=(float("inf"),) * 5), "finite intrinsics"),
        (camera_info(size=(0, 0)), "camera_info says 0 x 0 px"),
        (camera_info(size=(640, 640)), "is for 640 x 640 px, but the image has 640 x 480 px"),
    ],
)
def test_what_no_camera_says_is_refused(info, words):
    with pytest.raises(ValueError, match=words):
        camera_of(info, HW)


def test_without_a_rectified_matrix_rectified_images_have_no_camera():
    with pytest.raises(ValueError, match=r"not calibrated \(P\[0\] is 0\)"):
        camera_of(camera_info(p=[0.0] * 12), HW, rectified=True)
