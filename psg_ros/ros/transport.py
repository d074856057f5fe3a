# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The environment in which large images come through: Fast DDS profile and allocator. No rclpy."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from psg_ros import shared_memory
from psg_ros.files import write_text
from psg_ros.resources import share_path

PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Where Fast DDS looks for its profile: the name of today and the one up to Jazzy."""

OLD_PROFILE_DISTROS = ("humble", "iron", "jazzy")
LAST_OLD_RCLPY = 7
"""Major version of rclpy in Jazzy, the last of them."""

TRANSPORTS_VARIABLE = "FASTDDS_BUILTIN_TRANSPORTS"
MMAP_THRESHOLD_BYTES = 32 << 20
TRIM_THRESHOLD_BYTES = 128 << 20

_FOLDER_PREFIX = "psg_ros_"
_SEGMENT_SIZE = re.compile(r"(?<=<segment_size>)\d+(?=</segment_size>)")


def images_profile_path() -> Path:
    """Return the Fast DDS profile with shared memory large enough for images."""
    return share_path() / "config" / "fastdds_images.xml"


def udp_profile_path() -> Path:
    """Return the Fast DDS profile without shared memory, with large buffers for what arrives."""
    return share_path() / "config" / "fastdds_udp.xml"


def fitting_profile_path() -> Path:
    """Return the profile for this machine: with the segment that fits, or without any.

    A smaller segment than usual needs a file of its own, which is written into a folder of this
    user below the one for temporary files. Where that is impossible images go by UDP as well, and
    `transport_complaint` says so.
    """
    size_mib = shared_memory.segment_mib()
    if size_mib == shared_memory.FULL_SEGMENT_MIB:
        return images_profile_path()
    if not size_mib:
        return udp_profile_path()
    text = images_profile_path().read_text(encoding="utf-8")
    try:
        path = _own_folder() / f"fastdds_images_{size_mib}mib.xml"
        write_text(path, _SEGMENT_SIZE.sub(str(size_mib << 20), text))
    except OSError:
        return udp_profile_path()
    return path


def profile_variable(base: Mapping[str, str]) -> str:
    """Return the variable that names the profile to the Fast DDS of this ROS distribution."""
    # Only the name that is understood: a newer distribution warns of the old one at every start.
    current, old = PROFILE_VARIABLES
    distro = base.get("ROS_DISTRO")
    is_old = distro in OLD_PROFILE_DISTROS if distro else _has_old_rclpy()
    return old if is_old else current


def transport_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let uncompressed images through, to be added to `base`.

    The default shared memory segment of Fast DDS is smaller than one large image, and most of them
    are lost. Empty when the user has chosen a profile or transports already.
    """
    if any(base.get(name) for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE)):
        return {}
    return {profile_variable(base): str(fitting_profile_path())}


def transport_complaint(base: Mapping[str, str]) -> str:
    """Return why uncompressed images may get lost in `base` and the cure; empty if all is well."""
    if is_users_choice(base) or fitting_profile_path() != udp_profile_path():
        return ""
    return (
        f"too little shared memory for images: {shared_memory.describe()}; they go by UDP, which "
        f"is slower and may lose large ones. To cure it, {shared_memory.CURE}"
    )


def is_users_choice(base: Mapping[str, str]) -> bool:
    """Whether profile or transports are named that are none of ours."""
    named = [Path(base[name]) for name in PROFILE_VARIABLES if base.get(name)]
    ours = images_profile_path().parent
    return bool(base.get(TRANSPORTS_VARIABLE)) or any(
        path.parent != ours and not path.parent.name.startswith(_FOLDER_PREFIX) for path in named
    )


def allocator_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the glibc variables that keep image buffers mapped between messages."""
    wanted = {
        "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(TRIM_THRESHOLD_BYTES),
    }
    return {name: value for name, value in wanted.items() if name not in base}


def node_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return a full copy of an environment with what a process that sends large images needs."""
    return {**base, **transport_environment(base), **allocator_environment(base)}


def _has_old_rclpy() -> bool:
    """Whether the installed rclpy is of one of the old distributions; wheels set no ROS_DISTRO."""
    try:
        return int(metadata.version("rclpy").split(".")[0]) <= LAST_OLD_RCLPY
    except (metadata.PackageNotFoundError, ValueError):
        return False


def _own_folder() -> Path:
    """Return a folder that only this user can write to."""
    folder = Path(tempfile.gettempdir()) / f"{_FOLDER_PREFIX}{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
        return folder
    return Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))  # somebody else took the name
