# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Energy of the processor by its own counters (RAPL), where the kernel lets us read them."""

from __future__ import annotations

from pathlib import Path

ZONES = Path("/sys/class/powercap")


class EnergyMeter:
    """Measures between `begin` and `end`; all packages together, whoever made them work."""

    def __init__(self) -> None:
        self._zones = [zone for zone in sorted(ZONES.glob("*-rapl:?")) if _readable(zone)]
        self._before: list[int] = []

    def begin(self) -> None:
        """Start counting."""
        self._before = [_number(zone, "energy_uj") for zone in self._zones]

    def end(self) -> float | None:
        """Return the joules since `begin`; None where there is no counter to read."""
        if not self._zones:
            return None
        used_uj = 0
        for zone, before in zip(self._zones, self._before, strict=True):
            now = _number(zone, "energy_uj")
            # The counter starts over at its maximum.
            used_uj += now - before + (_number(zone, "max_energy_range_uj") if now < before else 0)
        return used_uj * 1e-6


def _readable(zone: Path) -> bool:
    try:
        _number(zone, "energy_uj")
        _number(zone, "max_energy_range_uj")
    except (OSError, ValueError):  # for root alone, since the attack PLATYPUS
        return False
    return True


def _number(zone: Path, name: str) -> int:
    return int((zone / name).read_text(encoding="utf-8"))
