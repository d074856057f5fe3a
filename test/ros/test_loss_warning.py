# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When the log speaks of lost images, and which cures it names."""

import pytest

from psg_ros.ros.arrivals import ArrivalCounts
from psg_ros.ros.loss_warning import is_heavy, loss_warning
from psg_ros.ros.transport import fitting_profile_path, profile_variable, udp_profile_path

COUNTS = ArrivalCounts(delivered=2, lost=38)


@pytest.mark.parametrize(
    ("delivered", "lost", "heavy"),
    [(0, 4, False), (0, 5, True), (45, 5, True), (46, 5, False), (5000, 300, False)],
)
def test_a_few_losses_are_counted_only(delivered, lost, heavy):
    assert is_heavy(ArrivalCounts(delivered=delivered, lost=lost)) == heavy


def test_a_best_effort_camera_has_three_cures_each_a_line_to_paste():
    text = loss_warning("/image", COUNTS, reliable=False, offered_reliable=False, base={})
    assert text.startswith("38 of 40 images on /image got lost on the way")
    assert "Let the camera publish reliably; or" in text
    assert f"export {profile_variable({})}={fitting_profile_path()}" in text
    assert f"export {profile_variable({})}={udp_profile_path()}; sudo sysctl" in text


@pytest.mark.parametrize(
    "base", [{"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, {"ROS_LOCALHOST_ONLY": "1"}]
)
def test_udp_is_no_cure_where_ros_adds_shared_memory_by_itself(base):
    text = loss_warning("/image", COUNTS, reliable=False, offered_reliable=False, base=base)
    assert "sysctl" not in text and "start the camera with large buffers" in text


def test_a_reliable_camera_is_matched():
    text = loss_warning("/image", COUNTS, reliable=False, offered_reliable=True, base={})
    assert "image_reliability:=match; or start the camera" in text and "sysctl" not in text


def test_losses_in_spite_of_reliability_leave_the_profile():
    text = loss_warning("/image", COUNTS, reliable=True, offered_reliable=True, base={})
    assert ". Start the camera with large buffers: export " in text and "match" not in text


def test_the_line_to_paste_has_the_name_that_the_distribution_reads():
    base = {"ROS_DISTRO": "humble"}
    text = loss_warning("/image", COUNTS, reliable=False, offered_reliable=False, base=base)
    assert "export FASTRTPS_DEFAULT_PROFILES_FILE=" in text and "FASTDDS_DEFAULT" not in text
