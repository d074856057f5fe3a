# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chair, couch, bed and clock."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, darker, grey, hsv, one_of
from psg_ros.simulation.geometry import Part, Shape, box, capsule, cylinder, turn

_FACE_FRONT = turn((1, 0, 0), 90)
# Upper side of a bed's mattress at scale 1, metres.
BED_TOP = 0.42


def chair(rng: np.random.Generator, scale: float) -> Shape:
    """Four legs, a seat and a slatted back at +y; one sits facing -y."""
    x = y = scale * rng.uniform(0.2, 0.23)
    seat, back, leg = scale * rng.uniform(0.42, 0.47), scale * rng.uniform(0.42, 0.5), 0.02 * scale
    parts: list[Part] = [box("seat", (x, y, 0.02 * scale), (0, 0, seat - 0.02 * scale))]
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            pos = (sign_x * (x - leg), sign_y * (y - leg), (seat - 0.04 * scale) / 2)
            parts.append(box("wood", (leg, leg, (seat - 0.04 * scale) / 2), pos))
        parts.append(
            box("wood", (leg, leg, back / 2), (sign_x * (x - leg), y - leg, seat + back / 2))
        )
    for level in (0.35, 0.6, 0.88):
        parts.append(box("wood", (x, leg * 0.7, back * 0.08), (0, y - leg, seat + back * level)))
    return Shape(parts=tuple(parts), radius=float(np.hypot(x, y)), height=seat + back, mass=5.0)


def chair_palette(rng: np.random.Generator) -> Palette:
    """Light wood with a seat of the same or of a dark tone."""
    wood = hsv(rng, (0.07, 0.1), (0.5, 0.75), (0.6, 0.85))
    return {
        "wood": wood,
        "seat": one_of(
            rng,
            darker(wood, 0.85),
            grey(rng, (0.15, 0.3)),
            hsv(rng, (0.0, 0.03), (0.6, 0.8), (0.4, 0.6)),
        ),
    }


def couch(rng: np.random.Generator, scale: float) -> Shape:
    """Base, back at +y, two arms, seat cushions and short feet."""
    x, y = scale * rng.uniform(0.75, 0.95), scale * rng.uniform(0.38, 0.43)
    seat, back, arm = 0.4 * scale, 0.38 * scale, 0.1 * scale
    foot = 0.06 * scale
    body = (seat - foot) / 2
    parts: list[Part] = [
        box("body", (x, y, body), (0, 0, foot + body)),
        box("body", (x, 0.11 * scale, back / 2 + 0.02), (0, y - 0.11 * scale, seat + back / 2)),
    ]
    for side in (-1, 1):
        parts.append(box("body", (arm, y, 0.1 * scale), (side * (x - arm), 0, seat + 0.1 * scale)))
        parts.append(
            box(
                "cushion",
                ((x - 2 * arm) / 2 * 0.98, (y - 0.11 * scale) * 0.98, 0.035 * scale),
                (side * (x - 2 * arm) / 2, -0.11 * scale, seat + 0.035 * scale),
            )
        )
        for depth in (-1, 1):
            parts.append(
                box(
                    "foot",
                    (0.03, 0.03, foot / 2),
                    (side * (x - 0.06), depth * (y - 0.06), foot / 2),
                )
            )
    return Shape(parts=tuple(parts), radius=x, height=seat + back, mass=40.0)


def couch_palette(rng: np.random.Generator) -> Palette:
    """Grey blue, olive or wine fabric, cushions a shade lighter."""
    body = one_of(
        rng,
        hsv(rng, (0.58, 0.64), (0.2, 0.45), (0.3, 0.5)),
        hsv(rng, (0.2, 0.26), (0.25, 0.5), (0.35, 0.5)),
        hsv(rng, (0.95, 1.0), (0.5, 0.7), (0.3, 0.5)),
    )
    return {
        "body": body,
        "cushion": tuple(min(1.0, c * 1.25) for c in body),
        "foot": (0.1, 0.07, 0.05),
    }


def bed(rng: np.random.Generator, scale: float) -> Shape:
    """A mattress on a frame, headboard at +y, a blanket over the lower part."""
    x, y = scale * rng.uniform(0.5, 0.75), scale * rng.uniform(0.92, 1.0)
    base, top = scale * 0.22, scale * BED_TOP
    board = scale * rng.uniform(0.75, 0.95)
    half = (top - base) / 2
    parts: list[Part] = [
        box("sheet", (x * 0.98, y * 0.98, half), (0, 0, base + half)),
        box("frame", (x, y, 0.05 * scale), (0, 0, base - 0.05 * scale)),
        box("frame", (x, 0.03 * scale, board / 2), (0, y, board / 2)),
        box("frame", (x, 0.025 * scale, top * 0.55), (0, -y, top * 0.55)),
        box("blanket", (x * 1.01, y * 0.6, half * 0.8), (0, -y * 0.36, base + half * 1.28)),
    ]
    for side in (-1, 1):
        for end in (-1, 1):
            pos = (side * (x - 0.04), end * (y - 0.04), base / 2)
            parts.append(box("frame", (0.035, 0.035, base / 2), pos))
    return Shape(parts=tuple(parts), radius=float(np.hypot(x, y)), height=board, mass=60.0)


def bed_palette(rng: np.random.Generator) -> Palette:
    """Wood or white lacquer, pale sheets, a blanket of any soft colour."""
    return {
        "frame": one_of(
            rng, hsv(rng, (0.05, 0.09), (0.5, 0.7), (0.35, 0.6)), grey(rng, (0.85, 1.0))
        ),
        "sheet": hsv(rng, (0.1, 0.6), (0.0, 0.1), (0.85, 1.0)),
        "blanket": hsv(rng, (0.0, 1.0), (0.25, 0.7), (0.4, 0.9)),
    }


def clock(rng: np.random.Generator, scale: float) -> Shape:
    """A round clock facing -y on two small feet; on a wall the feet hardly show."""
    radius, depth = scale * rng.uniform(0.095, 0.125), scale * 0.018
    centre = np.array([0, 0, radius + 0.01])
    front = -depth * 1.08
    parts: list[Part] = [
        cylinder("rim", radius, depth, tuple(centre), _FACE_FRONT),
        cylinder(
            "face",
            radius * 0.86,
            depth,
            tuple(centre + [0, -0.05 * depth, 0]),
            _FACE_FRONT,
            collides=False,
        ),
    ]
    for hour in range(12):
        angle = 2 * np.pi * hour / 12
        spot = centre + radius * 0.72 * np.array([np.sin(angle), 0, np.cos(angle)])
        size = (radius * 0.045, 0.002, radius * 0.08)
        parts.append(
            box("hand", size, (spot[0], front, spot[2]), turn((0, 1, 0), 30 * hour), collides=False)
        )
    for length, width in ((0.4, 0.05), (0.62, 0.035)):
        angle = rng.uniform(0, 2 * np.pi)
        tip = centre + radius * length * np.array([np.sin(angle), 0, np.cos(angle)])
        parts.append(
            capsule(
                "hand",
                radius * width,
                (0, front, centre[2]),
                (tip[0], front, tip[2]),
                collides=False,
            )
        )
    for side in (-1, 1):
        parts.append(
            box(
                "rim",
                (radius * 0.12, depth * 2.2, radius * 0.2),
                (side * radius * 0.6, 0, radius * 0.2),
            )
        )
    return Shape(parts=tuple(parts), radius=radius, height=2 * radius, mass=0.5)


def clock_palette(rng: np.random.Generator) -> Palette:
    """White face, black hands, dark or red rim."""
    return {
        "face": hsv(rng, (0.1, 0.16), (0.0, 0.12), (0.9, 1.0)),
        "hand": (0.04, 0.04, 0.05),
        "rim": one_of(rng, grey(rng, (0.05, 0.2)), hsv(rng, (0.98, 1.02), (0.7, 0.9), (0.4, 0.65))),
    }
