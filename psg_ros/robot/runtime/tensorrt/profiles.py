# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes that an engine is built for: buckets of its first free axis, up to the manifest's maximum.

An engine is fastest near the sizes it was tuned for, and few frames have many pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

from psg_ros.robot.manifest import ArtifactSpec, TensorSpec

BUCKETS = (16, 64, 256)
"""Sizes of the first axis, as the number of pairs, at which a bucket ends; so does the maximum."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Profile:
    """Shapes of the inputs with free axes, by name: smallest, tuned for, largest."""

    least: dict[str, Shape]
    best: dict[str, Shape]
    most: dict[str, Shape]

    def takes(self, shapes: dict[str, Shape]) -> bool:
        """Return whether inputs of these shapes fit."""
        return all(
            low <= size <= high
            for name, most in self.most.items()
            for low, size, high in zip(self.least[name], shapes[name], most, strict=True)
        )

    def __str__(self) -> str:
        return ",".join(
            f"{name}:{_text(self.least[name])}/{_text(self.best[name])}/{_text(most)}"
            for name, most in self.most.items()
        )


def profiles_of(spec: ArtifactSpec) -> list[Profile]:
    """Return the profiles of an artifact, smaller ones first; none where all shapes are fixed."""
    free = [tensor for tensor in spec.inputs if -1 in tensor.shape]
    if not free:
        return []
    largest = max(tensor.greatest[0] for tensor in free if tensor.shape[0] == -1)
    ends = [end for end in BUCKETS if end < largest] + [largest]
    return [
        Profile(
            {tensor.name: _filled(tensor, 1, 1) for tensor in free},
            {tensor.name: _filled(tensor, end, _usual(tensor)) for tensor in free},
            {tensor.name: _filled(tensor, end, 0) for tensor in free},
        )
        for end in ends
    ]


def _filled(tensor: TensorSpec, first: int, others: int) -> Shape:
    """Return the shape with numbers for its free axes; 0 stands for the maximum."""
    wanted = (first, *[others] * (len(tensor.shape) - 1))
    return tuple(
        min(number or high, high) if size == -1 else size
        for size, number, high in zip(tensor.shape, wanted, tensor.greatest, strict=True)
    )


def _usual(tensor: TensorSpec) -> int:
    """Return the size of later free axes to tune for: tokens of a pruned pair are few."""
    return max(1, max(tensor.greatest[1:], default=1) // 3)


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape))
