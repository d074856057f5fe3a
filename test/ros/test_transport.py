# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The environment that lets images through: profile, variables, shared memory of any size."""

import collections
import shutil
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest

from psg_ros import shared_memory
from psg_ros.ros import transport

PROFILE = str(transport.images_profile_path())
VARIABLE = transport.profile_variable({})
MIB = 1 << 20
FULL_HD_BYTES = 1920 * 1080 * 3

Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def shm(monkeypatch, tmp_path):
    """Sets what the file system of shared memory says of itself; plenty at first."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(transport.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))

    def set_size(total_mib, free_mib):
        usage = Usage(total_mib * MIB, (total_mib - free_mib) * MIB, free_mib * MIB)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)

    set_size(8192, 8192)
    return set_size


def settings_of(profile):
    """Return the texts of a profile by the names of their elements."""
    root = ElementTree.parse(profile).getroot()
    return {element.tag.split("}")[1]: element.text for element in root.iter()}


@pytest.mark.parametrize(
    ("distro", "name"),
    [
        ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE"),
        ("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_the_profile_is_given_under_the_name_that_the_distribution_reads(shm, distro, name):
    base = {"HOME": "/home/me", "ROS_DISTRO": distro}
    environment = transport.node_environment(base)
    assert environment[name] == PROFILE
    assert [key for key in transport.PROFILE_VARIABLES if key in environment] == [name]
    assert environment["MALLOC_MMAP_THRESHOLD_"] == "33554432"
    assert environment["HOME"] == "/home/me"


@pytest.mark.parametrize(
    ("rclpy", "name"),
    [
        ("9.1.2", "FASTDDS_DEFAULT_PROFILES_FILE"),
        ("7.1.5", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("3.3.16", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        (None, "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_python_wheels_of_ros_name_no_distribution_so_the_version_of_rclpy_decides(
    monkeypatch, rclpy, name
):
    def version(package):
        if rclpy is None:
            raise metadata.PackageNotFoundError(package)
        return rclpy

    monkeypatch.setattr(transport.metadata, "version", version)
    assert transport.profile_variable({}) == name


@pytest.mark.parametrize("name", [*transport.PROFILE_VARIABLES, transport.TRANSPORTS_VARIABLE])
def test_what_the_user_chose_stays(name):
    base = {name: "mine", "MALLOC_TRIM_THRESHOLD_": "7"}
    environment = transport.node_environment(base)
    assert environment[name] == "mine" and environment["MALLOC_TRIM_THRESHOLD_"] == "7"
    assert PROFILE not in environment.values()


def test_the_profile_makes_room_for_ten_full_hd_images():
    settings = settings_of(PROFILE)
    assert int(settings["segment_size"]) > 10 * FULL_HD_BYTES
    assert int(settings["maxMessageSize"]) > FULL_HD_BYTES


def test_the_profile_takes_all_that_linux_gives_for_images_from_elsewhere():
    for path in (transport.images_profile_path(), transport.udp_profile_path()):
        assert int(settings_of(path)["receiveBufferSize"]) > FULL_HD_BYTES


def test_a_small_container_gets_a_segment_that_fits_twice_and_holds_several_images(shm):
    shm(64, 64)
    profile = Path(transport.transport_environment({})[VARIABLE])
    settings = settings_of(profile)
    size = int(settings.pop("segment_size"))
    assert 3 * FULL_HD_BYTES < size <= 32 * MIB
    expected = settings_of(PROFILE)
    expected.pop("segment_size")
    assert settings == expected, "only the size may differ"
    shm(64, 64 - size // MIB)
    assert transport.transport_environment({}) == {VARIABLE: str(profile)}
    assert not transport.transport_complaint({})


@pytest.mark.parametrize(("total", "free"), [(64, 9), (16, 16), (0, 0), (8192, 3)])
def test_without_room_for_an_image_udp_is_taken_and_the_cure_said(shm, total, free):
    shm(total, free)
    chosen = transport.transport_environment({})
    assert chosen == {VARIABLE: str(transport.udp_profile_path())}
    complaint = transport.transport_complaint({})
    assert f"{free} of {total} MiB free" in complaint and "--shm-size=512m" in complaint
    assert transport.transport_complaint(chosen) == complaint, "in a child process, too"


@pytest.mark.parametrize(
    "base",
    [{name: "mine.xml"} for name in transport.PROFILE_VARIABLES]
    + [{transport.TRANSPORTS_VARIABLE: "UDPv4"}],
)
def test_who_chose_a_transport_hears_no_complaint(shm, base):
    shm(16, 1)
    assert not transport.transport_complaint(base)


def test_the_fitting_profile_is_written_where_only_this_user_can_write(shm):
    shm(64, 64)
    profile = transport.fitting_profile_path()
    assert profile.parent.stat().st_mode & 0o077 == 0
    profile.parent.chmod(0o777)
    assert transport.fitting_profile_path().parent != profile.parent


def test_where_no_profile_can_be_written_udp_is_taken_and_the_cure_said(shm, monkeypatch):
    shm(64, 64)
    monkeypatch.setattr(transport.tempfile, "gettempdir", lambda: "/dev/null")
    assert transport.fitting_profile_path() == transport.udp_profile_path()
    assert "--shm-size=512m" in transport.transport_complaint({})


def test_a_machine_without_shared_memory_uses_udp(monkeypatch, tmp_path):
    assert shared_memory.segment_mib(tmp_path / "none") == 0
    assert "no " in shared_memory.describe(tmp_path / "none")
