# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Coordinate frames over time, from real TransformStamped messages."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

pytest.importorskip("geometry_msgs", reason="needs ROS 2")

from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from std_msgs.msg import Header

from psg_ros.ros.conversions import ns_to_time
from psg_ros.ros.transforms import MAX_SAMPLES, TransformBuffer, TransformError

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def about_z(degrees):
    half = math.radians(degrees) / 2
    return Quaternion(z=math.sin(half), w=math.cos(half))


def stamped(parent, child, xyz=(0.0, 0.0, 0.0), turn=None, seconds=0.0):
    x, y, z = xyz
    return TransformStamped(
        header=Header(frame_id=parent, stamp=ns_to_time(NOW + round(seconds * SECOND))),
        child_frame_id=child,
        transform=Transform(translation=Vector3(x=x, y=y, z=z), rotation=turn or Quaternion(w=1.0)),
    )


def buffer(*moving, static=()):
    filled = TransformBuffer()
    for transform in moving:
        filled.add(transform)
    for transform in static:
        filled.add(transform, static=True)
    return filled


def mapped(filled, target, source, point, seconds=0.0, tolerance_s=0.0):
    pose = filled.lookup(target, source, NOW + round(seconds * SECOND), tolerance_s)
    assert pose.frame_id == target
    return pose(np.array([point], np.float64))[0]


# A robot 5 m ahead on the map, turned to the left; its camera 1 m up and looking ahead.
OPTICAL = Quaternion(x=-0.5, y=0.5, z=-0.5, w=0.5)
ROBOT = stamped("map", "base_link", (5.0, 0.0, 0.0), about_z(90))
CAMERA = stamped("base_link", "camera_optical_frame", (0.1, 0.0, 1.0), OPTICAL)


def test_a_point_before_the_camera_lies_to_the_left_of_the_robots_start():
    filled = buffer(ROBOT, static=[CAMERA])
    ahead = mapped(filled, "map", "camera_optical_frame", (0, 0, 2.0))
    np.testing.assert_allclose(ahead, (5.0, 2.1, 1.0), atol=1e-12)
    up = filled.lookup("map", "camera_optical_frame", NOW).rotation[2]
    np.testing.assert_allclose(up, (0, -1, 0), atol=1e-12)


def test_there_and_back_is_where_it_was():
    filled = buffer(ROBOT, static=[CAMERA])
    there = mapped(filled, "map", "camera_optical_frame", (0.3, -0.2, 2.0))
    back = mapped(filled, "camera_optical_frame", "map", there)
    np.testing.assert_allclose(back, (0.3, -0.2, 2.0), atol=1e-12)


def test_siblings_meet_at_their_common_parent_and_what_lies_above_is_not_asked():
    old = stamped("map", "base_link", (5.0, 0.0, 0.0), seconds=-9)
    hand = stamped("base_link", "hand", (0.0, 0.5, 0.0))
    filled = buffer(old, static=[CAMERA, hand])
    np.testing.assert_allclose(
        mapped(filled, "hand", "camera_optical_frame", (0, 0, 1.0)), (1.1, -0.5, 1.0), atol=1e-12
    )


def test_a_frame_is_itself_without_any_transform():
    np.testing.assert_array_equal(mapped(buffer(), "eye", "eye", (1, 2, 3)), (1, 2, 3))


def test_between_two_transforms_it_is_interpolated_the_shorter_way():
    filled = buffer(
        stamped("map", "eye", (0.0, 0.0, 0.0), about_z(170), seconds=0),
        stamped("map", "eye", (1.0, 0.0, 0.0), about_z(-170), seconds=1),
    )
    pose = filled.lookup("map", "eye", NOW + SECOND // 4)
    np.testing.assert_allclose(pose.translation, (0.25, 0, 0), atol=1e-9)
    angle = math.degrees(math.atan2(pose.rotation[1, 0], pose.rotation[0, 0]))
    assert angle == pytest.approx(175)


@pytest.mark.parametrize("turned_by", [0.0, 1e-9, 180.0])
def test_interpolation_stays_a_rotation(turned_by):
    filled = buffer(
        stamped("map", "eye", turn=about_z(0), seconds=0),
        stamped("map", "eye", turn=about_z(turned_by), seconds=1),
    )
    rotation = filled.lookup("map", "eye", NOW + SECOND // 3).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


def test_messages_out_of_order_are_sorted():
    moved = [stamped("map", "eye", (float(s), 0.0, 0.0), seconds=s / 10) for s in (0, 2, 1, 3)]
    np.testing.assert_allclose(
        mapped(buffer(*moved), "map", "eye", (0, 0, 0), 0.15), (1.5, 0, 0), atol=1e-6
    )


def test_out_of_the_time_covered_it_is_refused_beyond_the_tolerance():
    filled = buffer(stamped("map", "eye", (1.0, 0.0, 0.0)), stamped("map", "eye", seconds=1))
    with pytest.raises(TransformError, match=r"0.300 s behind the newest transform of eye in map"):
        mapped(filled, "map", "eye", (0, 0, 0), 1.3, tolerance_s=0.2)
    with pytest.raises(TransformError, match=r"0.100 s before the oldest .*tf_tolerance_s is 0$"):
        mapped(filled, "map", "eye", (0, 0, 0), -0.1)
    np.testing.assert_array_equal(mapped(filled, "map", "eye", (0, 0, 0), 1.1, 0.2), (0, 0, 0))


def test_static_transforms_hold_at_any_time():
    filled = buffer(static=[CAMERA])
    for seconds in (-(10**6), 0, 10**6):
        mapped(filled, "base_link", "camera_optical_frame", (0, 0, 0), seconds)


def test_names_with_the_slash_of_ros_1_are_the_same_frames():
    filled = buffer(static=[stamped("/map", "/eye", (1.0, 0.0, 0.0))])
    np.testing.assert_array_equal(mapped(filled, "map", "/eye", (0, 0, 0)), (1, 0, 0))


@pytest.mark.parametrize(
    ("target", "source", "words"),
    [
        ("odom", "eye", "nobody publishes a transform of odom"),
        ("map", "nose", "nobody publishes a transform of nose"),
        ("odom", "nose", "nobody publishes a transform of odom or nose"),
        ("earth", "eye", "earth and eye are in separate trees, below sky and below map"),
    ],
)
def test_what_is_not_connected_is_refused_by_name(target, source, words):
    filled = buffer(static=[stamped("map", "eye"), stamped("sky", "earth")])
    with pytest.raises(TransformError, match=words):
        filled.lookup(target, source, NOW)


def test_loops_are_refused_by_name_and_end():
    filled = buffer(static=[stamped("a", "b"), stamped("b", "c"), stamped("c", "a")])
    with pytest.raises(TransformError, match="frames form a loop: c in b in a"):
        filled.lookup("map", "c", NOW)
    with pytest.raises(TransformError, match="loop"):
        filled.lookup("b", "map", NOW)


NAN = float("nan")


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (stamped("map", "eye", turn=Quaternion(w=0.0)), "quaternion of length 0, not 1"),
        (stamped("map", "eye", turn=Quaternion(x=1.0, w=1.0)), "eye in map has .* length 1.41"),
        (stamped("map", "eye", turn=Quaternion(w=NAN)), "eye in map has values that are not fin"),
        (stamped("map", "eye", (NAN, 0.0, 0.0)), "not finite"),
        (stamped("map", "eye", (0.0, math.inf, 0.0)), "not finite"),
        (stamped("eye", "eye"), "leads from 'eye' to 'eye'"),
        (stamped("", "eye"), "leads from '' to 'eye'"),
        (stamped("map", "/"), "leads from 'map' to ''"),
    ],
)
def test_transforms_without_sense_are_refused_by_name(transform, words):
    filled = buffer(ROBOT, static=[CAMERA])
    for static in (False, True):
        with pytest.raises(TransformError, match=words):
            filled.add(transform, static=static)
    assert filled.lookup("map", "camera_optical_frame", NOW)  # as before


def test_a_quaternion_a_little_off_is_made_a_rotation():
    filled = buffer(static=[stamped("map", "eye", turn=Quaternion(w=1.004))])
    np.testing.assert_allclose(filled.lookup("map", "eye", NOW).rotation, np.eye(3), atol=1e-12)


def test_a_frame_that_changed_its_parent_is_refused_for_the_time_before():
    filled = buffer(stamped("table", "cup", seconds=0), stamped("hand", "cup", seconds=1))
    with pytest.raises(TransformError, match="cup went from table to hand since the image"):
        filled.lookup("hand", "cup", NOW)
    assert filled.lookup("hand", "cup", NOW + SECOND)


def test_after_time_went_back_old_transforms_are_forgotten():
    filled = buffer(
        stamped("map", "eye", (1.0, 0.0, 0.0), seconds=5),
        stamped("map", "eye", (2.0, 0.0, 0.0), seconds=0),
    )
    with pytest.raises(TransformError, match="behind the newest"):
        filled.lookup("map", "eye", NOW + 5 * SECOND)
    np.testing.assert_array_equal(mapped(filled, "map", "eye", (0, 0, 0)), (2, 0, 0))


def test_ten_seconds_are_kept_and_a_stopped_clock_fills_no_memory():
    filled = TransformBuffer()
    for number in range(30):
        filled.add(stamped("map", "eye", seconds=number))
    with pytest.raises(TransformError, match="before the oldest"):
        filled.lookup("map", "eye", NOW + 18 * SECOND)
    filled.lookup("map", "eye", NOW + 19 * SECOND)
    same = stamped("map", "still")
    for _ in range(MAX_SAMPLES + 10):
        filled.add(same)
    assert len(filled._moving["still"]) <= MAX_SAMPLES


def test_taking_in_and_asking_costs_microseconds():
    filled = buffer(
        *(stamped("map", "eye", seconds=n / 1000) for n in range(5000)), static=[CAMERA]
    )
    added = [stamped("map", "eye", seconds=5 + n / 1000) for n in range(1000)]
    started_s = time.thread_time()
    for transform in added:
        filled.add(transform)
        filled.lookup("map", "eye", NOW + 5 * SECOND)
    assert (time.thread_time() - started_s) / len(added) < 2e-3  # 0.1 ms on an idle machine
