# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Banana, apple and orange."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, hsv, one_of
from psg_ros.simulation.geometry import Shape, arc, capsule, ellipsoid, sphere


def banana(rng: np.random.Generator, scale: float) -> Shape:
    """A bent row of rods that lies on its side."""
    thickness, bend = scale * rng.uniform(0.018, 0.023), scale * rng.uniform(0.11, 0.14)
    angle = np.deg2rad(np.linspace(-46, 46, 6))
    points = np.stack(
        [bend * np.sin(angle), bend * (np.cos(angle) - 0.85), np.full(6, thickness)], 1
    )
    return Shape(
        parts=(
            *arc("skin", thickness, points),
            sphere(
                "tip",
                thickness * 0.62,
                tuple(points[0] + [-thickness * 0.75, 0, 0]),
                collides=False,
            ),
            sphere(
                "tip",
                thickness * 0.62,
                tuple(points[-1] + [thickness * 0.75, 0, 0]),
                collides=False,
            ),
        ),
        radius=bend * 0.9,
        height=2 * thickness,
        mass=0.12,
    )


def banana_palette(rng: np.random.Generator) -> Palette:
    """Yellow, brown at the ends."""
    return {
        "skin": hsv(rng, (0.135, 0.165), (0.8, 1.0), (0.85, 1.0)),
        "tip": hsv(rng, (0.08, 0.12), (0.5, 0.7), (0.2, 0.4)),
    }


def apple(rng: np.random.Generator, scale: float) -> Shape:
    """A slightly flattened ball with a stem."""
    radius = scale * rng.uniform(0.042, 0.052)
    top = radius * 1.85
    return Shape(
        parts=(
            ellipsoid("skin", (radius, radius, radius * 0.93), (0, 0, radius * 0.93)),
            capsule(
                "stem",
                radius * 0.09,
                (0, 0, top * 0.95),
                (radius * 0.12, 0, top * 1.17),
                collides=False,
            ),
        ),
        radius=radius,
        height=top,
        mass=0.15,
    )


def apple_palette(rng: np.random.Generator) -> Palette:
    """Red, or light green."""
    red = hsv(rng, (0.97, 1.015), (0.8, 1.0), (0.55, 0.85))
    green = hsv(rng, (0.23, 0.28), (0.65, 0.85), (0.65, 0.85))
    return {"skin": one_of(rng, red, red, green), "stem": (0.3, 0.2, 0.1)}


def orange(rng: np.random.Generator, scale: float) -> Shape:
    """A ball with a small green calyx."""
    radius = scale * rng.uniform(0.043, 0.053)
    return Shape(
        parts=(
            sphere("skin", radius, (0, 0, radius)),
            sphere("calyx", radius * 0.16, (0, 0, radius * 1.93), collides=False),
        ),
        radius=radius,
        height=2 * radius,
        mass=0.15,
    )


def orange_palette(rng: np.random.Generator) -> Palette:
    """Orange."""
    return {
        "skin": hsv(rng, (0.065, 0.09), (0.9, 1.0), (0.9, 1.0)),
        "calyx": hsv(rng, (0.25, 0.33), (0.6, 0.8), (0.3, 0.5)),
    }
