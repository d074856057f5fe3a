# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stuff that is built in or lies about: cabinet, counter, door, window, pillow, cardboard, clutter.

Doors, windows and pictures face -y with their back at y = 0.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from psg_ros.simulation.colours import Palette, darker, grey, hsv, one_of
from psg_ros.simulation.geometry import (
    Cavity,
    Part,
    Shape,
    box,
    capsule,
    cylinder,
    ellipsoid,
    sphere,
    turn,
)

_FACE_FRONT = turn((1, 0, 0), 90)


def cabinet(half: tuple[float, float], height: float, *, doors: int) -> Shape:
    """A closed cupboard with doors and knobs; it stands at z = 0."""
    x, y = half
    parts: list[Part] = [box("body", (x, y, height / 2), (0, 0, height / 2))]
    width = x / doors
    for number in range(doors):
        middle = -x + width * (2 * number + 1)
        parts.append(
            box("door", (width * 0.93, 0.01, height * 0.45), (middle, -y - 0.005, height / 2))
        )
        side = 0.75 if number % 2 == 0 else -0.75
        knob = (middle + side * width, -y - 0.025, height * 0.68)
        parts.append(sphere("knob", 0.017, knob, collides=False))
    return Shape(tuple(parts), float(np.hypot(x, y)), height, 0.0)


def counter(half: tuple[float, float]) -> Shape:
    """A worktop, 4 cm thick, with its lower side at z = 0."""
    part = box("top", (*half, 0.02), (0, 0, 0.02), pattern="stone", repeat=1.5)
    return Shape((part,), float(np.hypot(*half)), 0.04, 0.0)


def door(half_width: float, height: float) -> Shape:
    """A panelled door in its frame with a handle on the right."""
    x, z = half_width, height / 2
    parts: list[Part] = [
        box("leaf", (x, 0.02, z), (0, -0.02, z)),
        box("frame", (x + 0.06, 0.025, 0.035), (0, -0.025, height + 0.03)),
        capsule("knob", 0.014, (x * 0.82, -0.07, height * 0.48), (x * 0.5, -0.07, height * 0.48)),
    ]
    for side in (-1, 1):
        parts.append(box("frame", (0.035, 0.025, z), (side * (x + 0.03), -0.025, z)))
        for middle, half in ((0.26, 0.19), (0.74, 0.19)):
            pos = (side * x * 0.45, -0.035, height * middle)
            parts.append(box("panel", (x * 0.33, 0.01, height * half), pos))
    return Shape(tuple(parts), x, height, 0.0)


def window(half: tuple[float, float]) -> Shape:
    """A window with two casements, a sill and the sky outside; its middle is at z = 0."""
    x, z = half
    parts: list[Part] = [
        box("pane", (x, z, 0.006), (0, -0.006, 0), _FACE_FRONT, pattern="outlook"),
        box("frame", (0.022, 0.02, z), (0, -0.02, 0)),
        box("frame", (x, 0.018, 0.015), (0, -0.018, z * 0.25)),
        box("frame", (x + 0.08, 0.05, 0.016), (0, -0.05, -z - 0.016)),
    ]
    for side in (-1, 1):
        parts.append(box("frame", (0.03, 0.025, z), (side * x, -0.025, 0)))
        parts.append(box("frame", (x + 0.03, 0.025, 0.03), (0, -0.025, side * z)))
    return Shape(tuple(parts), x, 2 * z, 0.0)


def picture(half: tuple[float, float]) -> Shape:
    """A framed picture, which counts as the wall it hangs on; its middle is at z = 0."""
    x, z = half
    parts = (
        box("frame", (x, 0.012, z), (0, -0.012, 0)),
        box("canvas", (x * 0.88, z * 0.86, 0.001), (0, -0.025, 0), _FACE_FRONT, pattern="film"),
    )
    return Shape(parts, x, 2 * z, 0.0)


def pillow(half: tuple[float, float, float]) -> Shape:
    """A soft cushion that lies flat: a belly within a rounded border."""
    x, y, z = half
    border = 0.6 * z
    parts: list[Part] = [
        box("cover", (x - border, y - border, border), (0, 0, z)),
        ellipsoid("cover", (x, y, z), (0, 0, z), collides=False),
        box("cover", (x * 0.7, y * 0.7, z), (0, 0, z), visible=False),
    ]
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1), (1, 1)]
    edge = [((x - border) * a, (y - border) * b, z) for a, b in corners]
    parts += [capsule("cover", border, a, b) for a, b in pairwise(edge)]
    return Shape(tuple(parts), float(np.hypot(x, y)), 2 * z, 0.6)


def cardboard_box(half: tuple[float, float], height: float) -> Shape:
    """An open box with flaps turned outwards."""
    x, y = half
    wall = 0.006
    parts: list[Part] = [box("inside", (x, y, wall), (0, 0, wall))]
    for side in (-1, 1):
        parts += [
            box("paper", (wall, y, height / 2), (side * (x - wall), 0, height / 2)),
            box("paper", (x, wall, height / 2), (0, side * (y - wall), height / 2)),
            box(
                "flap",
                (x * 0.35, y, wall * 0.6),
                (side * x * 1.25, 0, height - x * 0.2),
                turn((0, 1, 0), side * 40),
                collides=False,
            ),
            box(
                "flap",
                (x, y * 0.35, wall * 0.6),
                (0, side * y * 1.25, height - y * 0.2),
                turn((1, 0, 0), -side * 40),
                collides=False,
            ),
        ]
    cavity = Cavity(floor=2 * wall, rim=height, radius=max(x, y))
    return Shape(tuple(parts), float(np.hypot(x, y)) * 1.2, height, 0.0, cavity)


def clutter(rng: np.random.Generator, scale: float) -> Shape:
    """A small thing of no class: a block, a disc, a peg or an egg."""
    half = tuple(scale * rng.uniform(0.015, 0.06, 3))
    kind = rng.integers(4)
    if kind == 0:
        part = box("body", half, (0, 0, half[2]))
    elif kind == 1:
        part = cylinder("body", half[0], half[2], (0, 0, half[2]))
    elif kind == 2:
        part = capsule("body", half[0], (0, 0, half[0]), (0, 0, half[0] + half[2]))
    else:
        part = ellipsoid("body", half, (0, 0, half[2]))
    top = half[2] if kind != 2 else half[0] + half[2] / 2
    stripe = box("mark", (half[0] * 0.4, half[0] * 0.4, 0.002), (0, 0, 2 * top), collides=False)
    return Shape((part, stripe), float(np.hypot(half[0], half[1])), 2 * top, 0.2)


def _cabinet(rng: np.random.Generator) -> Palette:
    body = one_of(
        rng,
        grey(rng, (0.82, 1.0)),
        hsv(rng, (0.05, 0.09), (0.5, 0.7), (0.3, 0.55)),
        hsv(rng, (0.3, 0.6), (0.2, 0.45), (0.35, 0.65)),
    )
    return {"body": darker(body, 0.8), "door": body, "knob": grey(rng, (0.3, 0.9))}


def _counter(rng: np.random.Generator) -> Palette:
    return {"top": one_of(rng, grey(rng, (0.25, 0.45)), grey(rng, (0.7, 0.95)), (0.62, 0.45, 0.28))}


def _door(rng: np.random.Generator) -> Palette:
    leaf = one_of(
        rng,
        grey(rng, (0.85, 1.0)),
        hsv(rng, (0.05, 0.09), (0.5, 0.75), (0.4, 0.65)),
        hsv(rng, (0.3, 0.65), (0.3, 0.6), (0.4, 0.6)),
    )
    return {
        "leaf": leaf,
        "panel": darker(leaf, 0.85),
        "frame": darker(leaf, 0.7),
        "knob": hsv(rng, (0.1, 0.14), (0.1, 0.6), (0.6, 0.9)),
    }


def _window(rng: np.random.Generator) -> Palette:
    return {"pane": (1, 1, 1), "frame": one_of(rng, grey(rng, (0.85, 1.0)), (0.35, 0.24, 0.15))}


def _pillow(rng: np.random.Generator) -> Palette:
    return {"cover": hsv(rng, (0.0, 1.0), (0.0, 0.6), (0.75, 1.0))}


def _cardboard(rng: np.random.Generator) -> Palette:
    paper = hsv(rng, (0.08, 0.1), (0.4, 0.55), (0.55, 0.75))
    return {"paper": paper, "flap": darker(paper, 1.15), "inside": darker(paper, 0.7)}


def _clutter(rng: np.random.Generator) -> Palette:
    return {
        "body": hsv(rng, (0.0, 1.0), (0.0, 1.0), (0.15, 1.0)),
        "mark": hsv(rng, (0.0, 1.0), (0.0, 1.0), (0.15, 1.0)),
    }


PALETTES = {
    "cabinet-merged": _cabinet,
    "counter": _counter,
    "door-stuff": _door,
    "window-other": _window,
    "pillow": _pillow,
    "cardboard": _cardboard,
    "clutter": _clutter,
}
