# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The hottest sensor that the kernel tells of: processor, and on Jetson the GPU, too. No rclpy.

A graphics card in a slot is not among them: its driver tells only its own tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ZONES = Path("/sys/class/thermal")
THROTTLING = ("passive", "hot", "critical")
"""Kinds of trip points from which on the kernel slows the machine down, or stops it."""


@dataclass(frozen=True)
class Temperature:
    """What a zone says, and from where on it slows the machine down; None where it does not."""

    zone: str
    celsius: float
    limit_celsius: float | None

    @property
    def throttles(self) -> bool:
        """Whether the machine is slowed down for it."""
        return self.limit_celsius is not None and self.celsius >= self.limit_celsius


def hottest(folder: Path = ZONES) -> Temperature | None:
    """Return the hottest zone of those that throttle, or else of all; None where none is read."""
    found = [zone for path in sorted(folder.glob("thermal_zone*")) if (zone := _read(path))]
    return max(found, key=lambda t: (t.throttles, t.celsius), default=None)


def _read(zone: Path) -> Temperature | None:
    try:
        celsius = int((zone / "temp").read_text(encoding="utf-8")) / 1000
        name = (zone / "type").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # some drivers refuse to be read while they sleep
        return None
    return Temperature(name, celsius, min(_limits(zone), default=None))


def _limits(zone: Path) -> list[float]:
    limits = []
    for kind in zone.glob("trip_point_*_type"):
        try:
            if kind.read_text(encoding="utf-8").strip() in THROTTLING:
                milli = int(
                    kind.with_name(kind.name.replace("_type", "_temp")).read_text(encoding="utf-8")
                )
                if milli > 0:  # what is not set reads 0 or below
                    limits.append(milli / 1000)
        except (OSError, ValueError):
            continue
    return limits
