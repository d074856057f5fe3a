# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stuff: walls, floor, table, rug, shelf and curtain as shapes with palettes."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation import fittings
from psg_ros.simulation.colours import Palette, darker, grey, hsv, one_of
from psg_ros.simulation.geometry import Part, Shape, box, capsule, cylinder, turn

WALL_HEIGHT = 2.8
_FACING_FRONT = turn((1, 0, 0), 90)
_FACING_SIDE = turn((0, 1, 0), 90)


def wall(half_width: float, *, pattern: str, facing_front: bool) -> Shape:
    """A wall slab whose centre line is at the origin; its surface is 2 cm in front of it."""
    half = (
        (half_width, WALL_HEIGHT / 2, 0.02) if facing_front else (WALL_HEIGHT / 2, half_width, 0.02)
    )
    quat = _FACING_FRONT if facing_front else _FACING_SIDE
    part = box("surface", half, (0, 0, WALL_HEIGHT / 2), quat, pattern=pattern, repeat=1.6)
    return Shape((part,), half_width, WALL_HEIGHT, 0.0)


def floor(half: tuple[float, float], *, pattern: str) -> Shape:
    """A floor slab with its surface at z = 0 of its own frame."""
    part = box("surface", (*half, 0.05), (0, 0, -0.05), pattern=pattern, repeat=1.2)
    return Shape((part,), max(half), 0.0, 0.0)


def table(half: tuple[float, float], height: float, *, pattern: str = "wood") -> Shape:
    """A table top on four legs; its surface is at ``height``."""
    x, y = half
    parts: list[Part] = [
        box("top", (x, y, 0.018), (0, 0, height - 0.018), pattern=pattern, repeat=1.0)
    ]
    for side in (-1, 1):
        for depth in (-1, 1):
            pos = (side * (x - 0.05), depth * (y - 0.05), (height - 0.036) / 2)
            parts.append(box("leg", (0.028, 0.028, (height - 0.036) / 2), pos))
    return Shape(tuple(parts), float(np.hypot(x, y)), height, 0.0)


def rug(half: tuple[float, float]) -> Shape:
    """A flat rug, 1 cm high."""
    part = box("weave", (*half, 0.005), (0, 0, 0.005), pattern="rug")
    return Shape((part,), float(np.hypot(*half)), 0.01, 0.0)


def shelf(half_width: float, depth: float) -> Shape:
    """A board with an upper edge at z = 0 and two brackets; its back is at +y = depth / 2."""
    parts: list[Part] = [box("board", (half_width, depth / 2, 0.014), (0, 0, -0.014))]
    for side in (-0.7, 0.7):
        parts.append(box("bracket", (0.012, depth * 0.4, 0.012), (side * half_width, 0, -0.04)))
        parts.append(
            box("bracket", (0.012, 0.012, 0.06), (side * half_width, depth / 2 - 0.012, -0.088))
        )
    return Shape(tuple(parts), half_width, 0.0, 0.0)


def curtain(half_width: float, drop: float) -> Shape:
    """Cloth in folds below a rod; the rod is at z = 0, the hem at -drop."""
    parts: list[Part] = [
        capsule("rod", 0.015, (-half_width * 1.1, 0, 0), (half_width * 1.1, 0, 0), collides=False)
    ]
    count = max(4, round(half_width / 0.03))
    for index, x in enumerate(np.linspace(-half_width, half_width, count)):
        radius = half_width / count * 1.25
        pos = (x, 0.012 * (index % 2), -drop / 2)
        role = "fold" if index % 2 else "cloth"
        parts.append(cylinder(role, radius, drop / 2, pos, collides=False))
    return Shape(tuple(parts), half_width, 0.0, 0.0)


def palette(label: str, rng: np.random.Generator) -> Palette:
    """Colours of a stuff class; keys are the roles of its shape."""
    return _PALETTES[label](rng)


def _plain_wall(rng: np.random.Generator) -> Palette:
    surface = one_of(
        rng,
        hsv(rng, (0.05, 0.65), (0.02, 0.18), (0.75, 0.98)),
        hsv(rng, (0.0, 1.0), (0.15, 0.4), (0.6, 0.9)),
    )
    return {"surface": surface, **_pictures(rng)}


def _brick_wall(rng: np.random.Generator) -> Palette:
    return {"surface": hsv(rng, (0.01, 0.05), (0.45, 0.65), (0.6, 0.85)), **_pictures(rng)}


def _pictures(rng: np.random.Generator) -> Palette:
    """Pictures hang on walls and are part of them."""
    return {
        "frame": one_of(
            rng, grey(rng, (0.05, 1.0)), hsv(rng, (0.06, 0.12), (0.5, 0.8), (0.3, 0.7))
        ),
        "canvas": (1.0, 1.0, 1.0),
    }


def _wooden_floor(rng: np.random.Generator) -> Palette:
    return {"surface": hsv(rng, (0.06, 0.09), (0.45, 0.7), (0.5, 0.85))}


def _plain_floor(rng: np.random.Generator) -> Palette:
    return {"surface": hsv(rng, (0.1, 0.6), (0.0, 0.1), (0.5, 0.8))}


def _table(rng: np.random.Generator) -> Palette:
    top = one_of(
        rng,
        hsv(rng, (0.09, 0.12), (0.3, 0.5), (0.75, 0.95)),
        hsv(rng, (0.05, 0.08), (0.55, 0.75), (0.3, 0.45)),
        hsv(rng, (0.07, 0.1), (0.5, 0.65), (0.5, 0.75)),
        grey(rng, (0.75, 0.95)),
    )
    return {"top": top, "leg": darker(top, 0.8)}


def _rug(rng: np.random.Generator) -> Palette:
    return {"weave": hsv(rng, (0.0, 1.0), (0.35, 0.65), (0.6, 0.9))}


def _shelf(rng: np.random.Generator) -> Palette:
    return {
        "board": one_of(
            rng, hsv(rng, (0.05, 0.08), (0.6, 0.8), (0.2, 0.35)), grey(rng, (0.85, 1.0))
        ),
        "bracket": grey(rng, (0.1, 0.3)),
    }


def _curtain(rng: np.random.Generator) -> Palette:
    cloth = hsv(rng, (0.35, 0.95), (0.3, 0.6), (0.55, 0.85))
    return {"cloth": cloth, "fold": darker(cloth, 0.9), "rod": grey(rng, (0.2, 0.6))}


_PALETTES = {
    "wall-other-merged": _plain_wall,
    "wall-brick": _brick_wall,
    "floor-wood": _wooden_floor,
    "floor-other-merged": _plain_floor,
    "table-merged": _table,
    "rug-merged": _rug,
    "shelf": _shelf,
    "curtain": _curtain,
    **fittings.PALETTES,
}
