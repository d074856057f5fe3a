# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TransformBuffer: coordinate frames over the last seconds, from the messages on /tf.

Kept small on purpose: what comes in on two topics, one question, asked at a stamp. Takes anything
with the fields of geometry_msgs/TransformStamped and imports no rclpy.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from psg_ros.frame import Pose
from psg_ros.quoting import plain, quoted

NANOSECONDS = 1_000_000_000
KEPT_S = 10.0
"""How long transforms are kept, as in tf2."""

BACK_S = 1.0
"""A transform of a frame that is so much older than its last one means that time went back."""

MAX_FRAMES = 10_000
MAX_SAMPLES = 10_000
"""Memory stays bounded whatever comes: frames, and transforms of one frame (10 s at 1 kHz)."""

UNIT_TOLERANCE = 0.01
"""How far the length of a quaternion may be from 1; tf2 takes the same as valid."""


class TransformError(LookupError):
    """A transform that is not known or makes no sense; says which and why."""


@dataclass(frozen=True, order=True)
class _Sample:
    stamp_ns: int
    parent: str
    translation: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]


class TransformBuffer:
    """The tree of coordinate frames; `add` and `lookup` may be called from two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._static: dict[str, _Sample] = {}
        self._moving: dict[str, list[_Sample]] = {}

    def add(self, transform: Any, *, static: bool = False) -> None:
        """Take in a TransformStamped.

        Raises:
            TransformError: it names no frames, leads from a frame to itself, or holds no rotation.
        """
        child, sample = _checked(transform)
        with self._lock:
            is_new = child not in self._static and child not in self._moving
            if is_new and len(self._static) + len(self._moving) >= MAX_FRAMES:
                raise TransformError(f"more than {MAX_FRAMES} frames; {plain(child)} is left out")
            if static:
                self._static[child] = sample
                return
            samples = self._moving.setdefault(child, [])
            if samples and sample.stamp_ns < samples[-1].stamp_ns - BACK_S * NANOSECONDS:
                samples.clear()
            insort(samples, sample)
            oldest_ns = samples[-1].stamp_ns - KEPT_S * NANOSECONDS
            while samples[0].stamp_ns < oldest_ns or len(samples) > MAX_SAMPLES:
                del samples[0]

    def lookup(self, target: str, source: str, stamp_ns: int, tolerance_s: float = 0.0) -> Pose:
        """Return the pose that maps points of `source` into `target` at a time.

        Between two transforms it is interpolated, on the shorter way round.

        Args:
            tolerance_s: how much later than the newest transform, or earlier than the oldest, the
                time may be; the nearest one holds then.

        Raises:
            TransformError: frames that nobody publishes, two trees, a loop, or a time that the
                transforms do not cover.
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        with self._lock:
            from_source, from_target = self._ancestors(source), self._ancestors(target)
            common = next((name for name in from_source if name in from_target), None)
            if common is None:
                raise TransformError(self._why_apart(from_target, from_source))
            turn, shift = self._climb(from_source, common, stamp_ns, tolerance_s)
            back, offset = self._climb(from_target, common, stamp_ns, tolerance_s)
        return Pose(target, back.T @ turn, back.T @ (shift - offset))

    def _ancestors(self, frame: str) -> list[str]:
        """Return a frame, its parent, and so on up to a root."""
        found = [frame]
        while parent := self._parent(found[-1]):
            if parent in found:
                raise TransformError(f"frames form a loop: {' in '.join(map(plain, found))}")
            found.append(parent)
        return found

    def _parent(self, frame: str) -> str:
        """Return the parent that was heard last, empty for a root."""
        samples = self._moving.get(frame)
        sample = samples[-1] if samples else self._static.get(frame)
        return "" if sample is None else sample.parent

    def _climb(
        self, frames: list[str], top: str, stamp_ns: int, tolerance_s: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rotation and translation from the first of `frames` into `top`, one of them.

        What lies above `top` is not asked: an old transform there does no harm.
        """
        rotation, translation = np.eye(3), np.zeros(3)
        for frame, parent in pairwise(frames[: frames.index(top) + 1]):
            sample = self._sample(frame, stamp_ns, tolerance_s)
            if sample.parent != parent:
                raise TransformError(
                    f"{plain(frame)} went from {plain(sample.parent)} to {plain(parent)} since the "
                    "image was taken"
                )
            turn = _rotation(sample.quaternion)
            rotation = turn @ rotation
            translation = turn @ translation + np.array(sample.translation)
        return rotation, translation

    def _sample(self, frame: str, stamp_ns: int, tolerance_s: float) -> _Sample:
        samples = self._moving.get(frame)
        if not samples:
            return self._static[frame]
        place = bisect_left(samples, stamp_ns, key=lambda sample: sample.stamp_ns)
        if place < len(samples) and samples[place].stamp_ns == stamp_ns:
            return samples[place]
        if 0 < place < len(samples):
            return _between(samples[place - 1], samples[place], stamp_ns)
        nearest = samples[min(place, len(samples) - 1)]
        apart_s = abs(stamp_ns - nearest.stamp_ns) / NANOSECONDS
        if apart_s > tolerance_s:
            which = "oldest" if place == 0 else "newest"
            side = "before" if place == 0 else "behind"
            raise TransformError(
                f"the image is {apart_s:.3f} s {side} the {which} transform of {plain(frame)} in "
                f"{plain(nearest.parent)}, tf_tolerance_s is {tolerance_s:g}"
            )
        return nearest

    def _why_apart(self, from_target: list[str], from_source: list[str]) -> str:
        target, source = from_target[0], from_source[0]
        known = self._static.keys() | self._moving.keys()
        known |= {sample.parent for sample in self._static.values()}
        known |= {samples[-1].parent for samples in self._moving.values() if samples}
        missing = [plain(name) for name in (target, source) if name not in known]
        if missing:
            return f"nobody publishes a transform of {' or '.join(missing)}"
        return (
            f"{plain(target)} and {plain(source)} are in separate trees, below "
            f"{plain(from_target[-1])} and below {plain(from_source[-1])}"
        )


def _checked(transform: Any) -> tuple[str, _Sample]:
    """Return the child's name and the transform; names without the leading slash of ROS 1."""
    parent, child = transform.header.frame_id.lstrip("/"), transform.child_frame_id.lstrip("/")
    t, q = transform.transform.translation, transform.transform.rotation
    if not parent or not child or parent == child:
        raise TransformError(f"a transform leads from {quoted(parent)} to {quoted(child)}")
    what = f"the transform of {plain(child)} in {plain(parent)}"
    translation, quaternion = (t.x, t.y, t.z), (q.x, q.y, q.z, q.w)
    if not all(map(math.isfinite, (*translation, *quaternion))):
        raise TransformError(f"{what} has values that are not finite")
    length = math.sqrt(sum(value * value for value in quaternion))
    if abs(length - 1) > UNIT_TOLERANCE:
        raise TransformError(f"{what} has a quaternion of length {length:.3g}, not 1")
    stamp = transform.header.stamp
    unit = tuple(value / length for value in quaternion)
    return child, _Sample(stamp.sec * NANOSECONDS + stamp.nanosec, parent, translation, unit)


def _between(first: _Sample, second: _Sample, stamp_ns: int) -> _Sample:
    if first.parent != second.parent:
        nearer_first = stamp_ns - first.stamp_ns <= second.stamp_ns - stamp_ns
        return first if nearer_first else second
    share = (stamp_ns - first.stamp_ns) / (second.stamp_ns - first.stamp_ns)
    start, end = np.array(first.quaternion), np.array(second.quaternion)
    cosine = float(start @ end)
    end, cosine = (-end, -cosine) if cosine < 0 else (end, cosine)
    angle = math.acos(min(cosine, 1.0))
    if angle > 1e-6:
        turned = math.sin((1 - share) * angle) * start + math.sin(share * angle) * end
    else:
        turned = (1 - share) * start + share * end
    turned /= np.linalg.norm(turned)
    moved = (1 - share) * np.array(first.translation) + share * np.array(second.translation)
    return _Sample(stamp_ns, first.parent, tuple(moved.tolist()), tuple(turned.tolist()))


def _rotation(quaternion: tuple[float, float, float, float]) -> np.ndarray:
    """Return float64 [3, 3] of a unit quaternion x, y, z, w."""
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
