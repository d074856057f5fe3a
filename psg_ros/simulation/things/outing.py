# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What people take along: umbrella, backpack and skateboard."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, darker, grey, hsv, one_of
from psg_ros.simulation.geometry import (
    Part,
    Shape,
    arc,
    box,
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    sphere,
    turn,
)

_SIDEWAYS = turn((1, 0, 0), 90)


def umbrella(rng: np.random.Generator, scale: float) -> Shape:
    """An open umbrella: crook below, canopy of coloured sectors on top."""
    reach, height = scale * rng.uniform(0.36, 0.44), scale * rng.uniform(0.72, 0.82)
    drop = reach * rng.uniform(0.38, 0.5)
    slope = np.linspace(0, np.pi / 2, 6)
    outer = np.stack([reach * np.cos(slope), height - drop * (1 - np.sin(slope))], 1)
    inner = outer[::-1] - np.array([0.0, 0.006])
    bend = np.linspace(0, np.pi, 5)
    crook = np.stack(
        [np.zeros(5), 0.04 * scale * (np.cos(bend) - 1), 0.04 * scale * (1 - np.sin(bend))], 1
    )
    return Shape(
        parts=(
            lathe("canopy", np.concatenate([outer, inner]), segments=16, pattern="sectors"),
            capsule("rod", 0.009 * scale, (0, 0, 0.03 * scale), (0, 0, height + 0.04 * scale)),
            *arc("handle", 0.014 * scale, crook),
            cylinder(
                "canopy", reach * 0.97, drop * 0.1, (0, 0, height - drop * 0.9), visible=False
            ),
            cylinder("canopy", reach * 0.6, drop * 0.3, (0, 0, height - drop * 0.5), visible=False),
        ),
        radius=reach,
        height=height,
        mass=0.6,
        handle=(0.0, 0.0, 0.12 * scale),
    )


def umbrella_palette(rng: np.random.Generator) -> Palette:
    """A strong tint over light and dark sectors."""
    return {
        "canopy": hsv(rng, (0.0, 1.0), (0.55, 0.95), (0.75, 1.0)),
        "rod": grey(rng, (0.5, 0.8)),
        "handle": hsv(rng, (0.05, 0.08), (0.5, 0.7), (0.2, 0.45)),
    }


def backpack(rng: np.random.Generator, scale: float) -> Shape:
    """A rounded pack with a pocket in front (-y), straps behind and a loop on top."""
    x, y, z = (scale * rng.uniform(*r) for r in ((0.14, 0.17), (0.08, 0.1), (0.2, 0.24)))
    body = 0.82 * z
    parts: list[Part] = [
        box("cloth", (x, y, body), (0, 0, body)),
        ellipsoid("cloth", (x * 1.04, y * 1.06, z * 0.5), (0, 0, 1.55 * z)),
        ellipsoid("cloth", (x * 1.1, y * 1.15, z * 0.8), (0, 0, z), collides=False),
        box("pocket", (x * 0.75, y * 0.35, z * 0.4), (0, -y * 1.15, z * 0.52)),
        box("zip", (x * 0.7, y * 0.04, z * 0.03), (0, -y * 1.52, z * 0.84), collides=False),
        capsule("zip", 0.012 * scale, (-x * 0.9, -y * 0.9, z * 1.5), (x * 0.9, -y * 0.9, z * 1.5)),
    ]
    for side in (-1, 1):
        strap = np.array(
            [
                (side * x * 0.5, y, z * 1.7),
                (side * x * 0.6, y * 1.7, z * 1.2),
                (side * x * 0.7, y, z * 0.3),
            ]
        )
        parts += arc("strap", 0.018 * scale, strap, collides=False)
    bend = np.linspace(0, np.pi, 5)
    loop = np.stack([x * 0.3 * np.cos(bend), np.zeros(5), 2.0 * z + z * 0.18 * np.sin(bend)], 1)
    parts += arc("strap", 0.01 * scale, loop, collides=False)
    return Shape(
        parts=tuple(parts),
        radius=float(np.hypot(x, y * 1.5)),
        height=2.05 * z,
        mass=3.0,
        handle=(0.0, 0.0, 2.18 * z),
    )


def backpack_palette(rng: np.random.Generator) -> Palette:
    """Orange, olive or navy cloth with a pocket of another tone."""
    cloth = one_of(
        rng,
        hsv(rng, (0.04, 0.07), (0.8, 1.0), (0.75, 0.95)),
        hsv(rng, (0.2, 0.28), (0.4, 0.7), (0.3, 0.5)),
        hsv(rng, (0.58, 0.66), (0.6, 0.9), (0.25, 0.5)),
    )
    return {
        "cloth": cloth,
        "pocket": one_of(rng, darker(cloth, 0.65), grey(rng, (0.2, 0.35))),
        "zip": grey(rng, (0.75, 0.95)),
        "strap": grey(rng, (0.05, 0.2)),
    }


def skateboard(rng: np.random.Generator, scale: float) -> Shape:
    """A deck along x with raised ends on four wheels."""
    x, y = scale * rng.uniform(0.34, 0.4), scale * rng.uniform(0.095, 0.11)
    wheel, half = scale * 0.032, scale * 0.011
    deck = 2.4 * wheel
    parts: list[Part] = [box("deck", (x * 0.72, y, half), (0, 0, deck))]
    for end in (-1, 1):
        parts.append(
            box(
                "deck",
                (x * 0.17, y * 0.9, half),
                (end * x * 0.86, 0, deck + x * 0.05),
                turn((0, 1, 0), -end * 18),
            )
        )
        parts.append(
            box("truck", (wheel * 0.6, y * 0.7, wheel * 0.4), (end * x * 0.52, 0, wheel * 1.4))
        )
        for side in (-1, 1):
            pos = (end * x * 0.52, side * y * 0.8, wheel)
            parts.append(cylinder("wheel", wheel, y * 0.2, pos, _SIDEWAYS))
            parts.append(sphere("truck", wheel * 0.4, (pos[0], side * y, wheel), collides=False))
    return Shape(parts=tuple(parts), radius=x * 0.9, height=deck + half, mass=3.0)


def skateboard_palette(rng: np.random.Generator) -> Palette:
    """A bright deck on red, white or green wheels."""
    return {
        "deck": one_of(
            rng,
            grey(rng, (0.08, 0.16)),
            hsv(rng, (0.9, 1.0), (0.7, 0.95), (0.7, 0.95)),
            hsv(rng, (0.45, 0.55), (0.7, 0.95), (0.6, 0.9)),
        ),
        "truck": grey(rng, (0.5, 0.75)),
        "wheel": one_of(
            rng,
            hsv(rng, (0.97, 1.02), (0.8, 1.0), (0.7, 0.95)),
            grey(rng, (0.85, 1.0)),
            hsv(rng, (0.2, 0.35), (0.8, 1.0), (0.7, 0.95)),
        ),
    }
