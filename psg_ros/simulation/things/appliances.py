# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Television, keyboard, microwave, refrigerator and sink."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, darker, grey, hsv, one_of
from psg_ros.simulation.geometry import Cavity, Part, Shape, arc, box, cylinder, turn

_FACE_FRONT = turn((1, 0, 0), 90)


def tv(rng: np.random.Generator, scale: float) -> Shape:
    """A flat screen towards -y on a foot."""
    x, z = scale * rng.uniform(0.36, 0.46), scale * rng.uniform(0.21, 0.26)
    depth, foot = scale * 0.02, scale * 0.05
    middle = foot + z
    return Shape(
        parts=(
            box("case", (x, depth, z), (0, 0, middle)),
            box(
                "screen",
                (x * 0.96, z * 0.93, 0.001),
                (0, -depth, middle),
                _FACE_FRONT,
                pattern="film",
                collides=False,
            ),
            box("case", (x * 0.1, depth * 0.7, foot), (0, 0, foot)),
            box("case", (x * 0.45, depth * 4.5, foot * 0.15), (0, 0, foot * 0.15)),
        ),
        radius=x * 1.02,
        height=foot + 2 * z,
        mass=8.0,
    )


def tv_palette(rng: np.random.Generator) -> Palette:
    """A black case around a lit screen."""
    return {"case": grey(rng, (0.03, 0.1)), "screen": (1, 1, 1)}


def keyboard(rng: np.random.Generator, scale: float) -> Shape:
    """A flat keyboard, its long side along x."""
    x, y, half = scale * rng.uniform(0.17, 0.21), scale * rng.uniform(0.06, 0.075), scale * 0.008
    return Shape(
        parts=(
            box("case", (x, y, half), (0, 0, half)),
            box(
                "key",
                (x * 0.95, y * 0.86, half * 0.4),
                (0, 0, 2.1 * half),
                pattern="keys",
                collides=False,
            ),
        ),
        radius=float(np.hypot(x, y)),
        height=2 * half,
        mass=0.6,
    )


def keyboard_palette(rng: np.random.Generator) -> Palette:
    """Black or white keys in a case of nearly the same tone."""
    tone = one_of(rng, grey(rng, (0.12, 0.25)), grey(rng, (0.85, 1.0)))
    return {"key": tone, "case": darker(tone, 0.7)}


def microwave(rng: np.random.Generator, scale: float) -> Shape:
    """A box with a dark window, a handle and a panel of buttons on the right."""
    x, y, z = (scale * rng.uniform(*r) for r in ((0.22, 0.26), (0.15, 0.18), (0.125, 0.145)))
    front = -y - 0.001
    parts: list[Part] = [
        box("case", (x, y, z), (0, 0, z)),
        box("door", (x * 0.68, 0.006, z * 0.86), (-x * 0.27, front, z), collides=False),
        box("glass", (x * 0.52, 0.008, z * 0.6), (-x * 0.3, front, z), collides=False),
        box("trim", (x * 0.03, 0.02, z * 0.65), (x * 0.35, front, z), collides=False),
        box("display", (x * 0.2, 0.008, z * 0.13), (x * 0.72, front, z * 1.65), collides=False),
    ]
    for row in range(4):
        for column in (-1, 0, 1):
            pos = (x * (0.72 + 0.14 * column), front, z * (1.3 - 0.26 * row))
            parts.append(box("trim", (x * 0.045, 0.009, z * 0.08), pos, collides=False))
    return Shape(tuple(parts), float(np.hypot(x, y)), 2 * z, 12.0)


def microwave_palette(rng: np.random.Generator) -> Palette:
    """Steel, white or black, with a green display."""
    case = one_of(rng, grey(rng, (0.6, 0.75)), grey(rng, (0.88, 1.0)), grey(rng, (0.15, 0.22)))
    return {
        "case": case,
        "door": darker(case, 0.8),
        "glass": grey(rng, (0.03, 0.1)),
        "trim": grey(rng, (0.35, 0.5)),
        "display": hsv(rng, (0.3, 0.5), (0.5, 0.9), (0.7, 1.0)),
    }


def refrigerator(rng: np.random.Generator, scale: float) -> Shape:
    """A tall box with a small door above a large one, handles on the left."""
    x, y, z = (scale * rng.uniform(*r) for r in ((0.29, 0.34), (0.29, 0.32), (0.78, 0.92)))
    foot, split = 0.04 * scale, 1.3 * z
    parts: list[Part] = [
        box("case", (x, y, z), (0, 0, foot + z)),
        box("trim", (x * 0.92, y * 0.92, foot), (0, 0, foot)),
    ]
    for low, high in ((foot, split - 0.012), (split + 0.012, foot + 2 * z)):
        half, middle = (high - low) / 2, (high + low) / 2
        parts.append(box("door", (x * 0.985, 0.02, half * 0.985), (0, -y - 0.02, middle)))
        grip = min(half * 0.5, 0.2 * scale)
        place = high - grip * 1.3 if low == foot else low + grip * 1.3
        parts.append(
            box("trim", (0.014, 0.03, grip), (-x * 0.82, -y - 0.05, place), collides=False)
        )
    return Shape(tuple(parts), float(np.hypot(x, y)), foot + 2 * z, 60.0)


def refrigerator_palette(rng: np.random.Generator) -> Palette:
    """White, steel or a pastel."""
    case = one_of(
        rng,
        grey(rng, (0.88, 1.0)),
        grey(rng, (0.6, 0.75)),
        hsv(rng, (0.4, 0.55), (0.2, 0.35), (0.75, 0.9)),
    )
    return {"case": darker(case, 0.85), "door": case, "trim": grey(rng, (0.2, 0.4))}


def sink(rng: np.random.Generator, scale: float) -> Shape:
    """A steel basin to set on a counter, with a tap at the back (+y)."""
    x, y = scale * rng.uniform(0.24, 0.3), scale * rng.uniform(0.18, 0.21)
    height, wall = scale * rng.uniform(0.11, 0.14), scale * 0.012
    parts: list[Part] = [
        box("inside", (x, y, wall / 2), (0, 0, wall / 2)),
        cylinder("drain", 0.025 * scale, 0.002, (0, 0, wall + 0.001), collides=False),
    ]
    for side in (-1, 1):
        parts.append(box("steel", (wall, y, height / 2), (side * (x - wall), 0, height / 2)))
        parts.append(box("steel", (x, wall, height / 2), (0, side * (y - wall), height / 2)))
    bend = np.linspace(0, np.pi, 6)
    reach = 0.07 * scale
    tap = np.stack(
        [np.zeros(6), y - reach * (1 - np.cos(bend)), height * 1.7 + reach * np.sin(bend)], 1
    )
    parts += arc("tap", 0.014 * scale, np.concatenate([[(0, y, height * 0.5)], tap]))
    return Shape(
        parts=tuple(parts),
        radius=float(np.hypot(x, y)),
        height=height * 1.7 + reach,
        mass=15.0,
        cavity=Cavity(floor=wall, rim=height, radius=x - 2 * wall),
    )


def sink_palette(rng: np.random.Generator) -> Palette:
    """Brushed steel or white ceramic, a bright tap."""
    steel = one_of(rng, grey(rng, (0.55, 0.7)), grey(rng, (0.9, 1.0)))
    return {
        "steel": steel,
        "inside": darker(steel, 0.75),
        "drain": grey(rng, (0.05, 0.15)),
        "tap": grey(rng, (0.75, 0.9)),
    }
