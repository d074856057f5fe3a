# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When and how the log says that images get lost on the way. Imports no rclpy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from psg_ros.ros.arrivals import ArrivalCounts
from psg_ros.ros.transport import (
    fitting_profile_path,
    is_users_choice,
    profile_variable,
    udp_profile_path,
)

ENOUGH_LOST = 5
"""Lost images that are more than an accident of the start (our choice)."""

LARGE_SHARE = 0.1
"""Share of lost images above which the user should do something (our choice)."""


def is_heavy(counts: ArrivalCounts) -> bool:
    """Whether so many images got lost that the user should know."""
    sent = counts.received + counts.lost
    return counts.lost >= ENOUGH_LOST and counts.lost >= LARGE_SHARE * sent


def loss_warning(
    topic: str,
    counts: ArrivalCounts,
    *,
    reliable: bool,
    offered_reliable: bool,
    base: Mapping[str, str],
) -> str:
    """Return what got lost and the cures, the easiest first.

    Args:
        reliable: what the subscription asks for.
        offered_reliable: whether all publishers would send again what got lost.
        base: the environment of the process.
    """
    sent = counts.received + counts.lost
    cures = "; or ".join(_cures(reliable, offered_reliable, base))
    return (
        f"{counts.lost} of {sent} images on {topic} got lost on the way: they do not fit into the "
        f"default buffers of DDS. {cures}"
    )


def _cures(reliable: bool, offered_reliable: bool, base: Mapping[str, str]) -> list[str]:
    cures = []
    if not reliable:
        cures.append(
            "Start this node with image_reliability:=match"
            if offered_reliable
            else "Let the camera publish reliably"
        )
    variable = profile_variable(base)
    profile = fitting_profile_path()
    start_camera = "start" if cures else "Start"
    cures.append(
        f"{start_camera} the camera with large buffers: export {variable}={profile}"
        + (" (this node was told otherwise)" if is_users_choice(base) else "")
    )
    if not reliable and not offered_reliable and _udp_would_help(profile, base):
        cures.append(
            "if you cannot change the camera, start this node after: export "
            f"{variable}={udp_profile_path()}; sudo sysctl -w net.core.rmem_max=16777216"
        )
    return cures


def _udp_would_help(profile: Path, base: Mapping[str, str]) -> bool:
    """Whether the node could do without shared memory, and does not yet."""
    # Restricted to this machine, ROS 2 adds a transport by shared memory to whatever is chosen.
    local = base.get("ROS_AUTOMATIC_DISCOVERY_RANGE") == "LOCALHOST"
    local = local or base.get("ROS_LOCALHOST_ONLY") == "1"
    return profile != udp_profile_path() and not local
