# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the rules of relations look at: extents, contacts, fastenings, and the view."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from psg_ros.simulation.geometry import Vector

# A contact holds something up when its normal is steeper than this (cosine to the vertical).
SUPPORT_COSINE = 0.5
# What is held up starts at least this share of the support's height above the support's foot: a
# bowl that touches an orange from above does not stand on it.
SUPPORT_RISE = 0.25


@dataclass(frozen=True)
class Contact:
    """Two segments touch; ``normal`` is a unit vector that points from ``first`` to ``second``."""

    first: int
    second: int
    normal: Vector


@dataclass(frozen=True)
class Fastening:
    """``child`` is fixed to ``parent`` at a world point (metres), which may be a hand."""

    child: int
    parent: int
    point: Vector
    in_hand: bool = False


@dataclass(frozen=True)
class Hollow:
    """The hollow of an upright container in the world: metres."""

    centre_xy: tuple[float, float]
    floor: float
    rim: float
    radius: float


@dataclass(frozen=True)
class SceneFacts:
    """Facts about the N segments of one view.

    Attributes:
        names: Class name of each segment.
        is_thing: bool [N].
        lower: float64 [N, 3], lower corner of the world-aligned box, metres, z up.
        upper: float64 [N, 3], its upper corner.
        up: float64 [N, 3], direction of the thing's own z axis in the world, unit length.
        velocity: float64 [N, 3], metres per second.
        boxes_xyxy: float64 [N, 4], box in the picture, pixels, right and bottom exclusive.
        depth: float64 [N], median distance along the optical axis, metres.
        contacts: Pairs that touch.
        fastenings: Pairs that are fixed to each other.
        hollows: Hollow of each segment that is a container standing upright.
        upright: Predicate of each segment towards its support while upright.
        tipped: The same while it lies on its side.
        rolls: bool [N], whether a segment has no side to lie on.
    """

    names: tuple[str, ...]
    is_thing: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    up: np.ndarray
    velocity: np.ndarray
    boxes_xyxy: np.ndarray
    depth: np.ndarray
    contacts: tuple[Contact, ...] = ()
    fastenings: tuple[Fastening, ...] = ()
    hollows: dict[int, Hollow] = field(default_factory=dict)
    upright: tuple[str, ...] = ()
    tipped: tuple[str, ...] = ()
    rolls: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def centre(self, segment: int) -> np.ndarray:
        """Middle of the world-aligned box, float64 [3]."""
        return (self.lower[segment] + self.upper[segment]) / 2

    def size(self, segment: int) -> np.ndarray:
        """Edges of the world-aligned box, float64 [3], metres."""
        return self.upper[segment] - self.lower[segment]

    def normals(self, lower: int, upper: int) -> list[np.ndarray]:
        """Normals of the contacts between two segments, pointing from the first to the other."""
        return self._normals.get((lower, upper), [])

    @cached_property
    def _normals(self) -> dict[tuple[int, int], list[np.ndarray]]:
        """Contact normals of every ordered pair that touches."""
        normals: dict[tuple[int, int], list[np.ndarray]] = {}
        for contact in self.contacts:
            pair, normal = (contact.first, contact.second), np.asarray(contact.normal)
            normals.setdefault(pair, []).append(normal)
            normals.setdefault(pair[::-1], []).append(-normal)
        return normals

    def touches(self, one: int, other: int) -> bool:
        """Whether two segments are in contact."""
        return bool(self.normals(one, other))

    def holds_up(self, support: int, upper: int) -> bool:
        """Whether ``support`` carries ``upper``: a contact that points up, above its foot."""
        slopes = [float(normal[2]) for normal in self.normals(support, upper)]
        if self.is_within(support, upper):  # the steep inside of a bowl holds things too
            return any(slope > 0.1 for slope in slopes)
        # The legs of whoever sits hang below the seat, so the middle counts instead of the foot.
        foot = self.centre(upper) if self.posture(upper) == "sitting on" else self.lower[upper]
        rise = foot[2] - self.lower[support][2]
        high_enough = rise > SUPPORT_RISE * self.size(support)[2]
        return bool(high_enough) and any(slope > SUPPORT_COSINE for slope in slopes)

    def is_within(self, container: int, segment: int) -> bool:
        """Whether the middle of a segment lies within the rim of a container, seen from above, and
        its lowest point between the container's floor and rim."""
        hollow = self.hollows.get(container)
        if hollow is None:
            return False
        aside = np.linalg.norm(self.centre(segment)[:2] - np.asarray(hollow.centre_xy))
        low_enough = hollow.floor - 0.02 < self.lower[segment][2] < hollow.rim
        return bool(aside < hollow.radius and low_enough)

    def supports(self, segment: int) -> list[int]:
        """Segments that carry this one."""
        return sorted(a for a, b in self._normals if b == segment and self.holds_up(a, segment))

    def rests_on(self, segment: int, other: int) -> bool:
        """Whether ``other`` carries ``segment`` directly or through further things."""
        waiting, seen = [segment], {segment}
        while waiting:
            for support in self.supports(waiting.pop()):
                if support == other:
                    return True
                if support not in seen:
                    seen.add(support)
                    waiting.append(support)
        return False

    def posture(self, segment: int) -> str:
        """Predicate of the segment towards what carries it, by its tilt."""
        if self.rolls[segment] or self.up[segment][2] > np.cos(np.deg2rad(50)):
            return self.upright[segment]
        return self.tipped[segment]

    def footprint_overlap(self, one: int, other: int) -> float:
        """Shared ground area of two boxes as a share of the smaller one's, 0..1."""
        low = np.maximum(self.lower[one], self.lower[other])[:2]
        high = np.minimum(self.upper[one], self.upper[other])[:2]
        shared = float(np.prod(np.maximum(high - low, 0.0)))
        area = min(float(np.prod(self.size(one)[:2])), float(np.prod(self.size(other)[:2])))
        return shared / max(area, 1e-9)
