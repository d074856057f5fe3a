# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Book, laptop, teddy bear, sports ball, suitcase and toy truck."""

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


def book(rng: np.random.Generator, scale: float) -> Shape:
    """A hardcover that lies flat; its spine is at -x."""
    x, y = scale * rng.uniform(0.075, 0.095), scale * rng.uniform(0.105, 0.135)
    half, cover = scale * rng.uniform(0.014, 0.024), scale * 0.003
    return Shape(
        parts=(
            box("cover", (x, y, cover), (0, 0, cover)),
            box("cover", (x, y, cover), (0, 0, 2 * half - cover)),
            box("cover", (cover, y, half), (cover - x, 0, half)),
            box("pages", (x * 0.95, y * 0.95, half - 2 * cover), (0, 0, half)),
            box("title", (x * 0.6, y * 0.12, 0.0006), (0, y * 0.4, 2 * half), collides=False),
            box("title", (x * 0.4, y * 0.05, 0.0006), (0, -y * 0.4, 2 * half), collides=False),
        ),
        radius=float(np.hypot(x, y)),
        height=2 * half,
        mass=0.5,
    )


def book_palette(rng: np.random.Generator) -> Palette:
    """A saturated cover of any hue but those of the fruit, cream pages."""
    cover = one_of(
        rng,
        hsv(rng, (0.6, 0.68), (0.75, 1.0), (0.4, 0.8)),
        hsv(rng, (0.93, 0.99), (0.75, 1.0), (0.4, 0.7)),
        hsv(rng, (0.4, 0.48), (0.75, 1.0), (0.3, 0.5)),
    )
    return {
        "cover": cover,
        "pages": hsv(rng, (0.1, 0.15), (0.05, 0.2), (0.85, 1.0)),
        "title": hsv(rng, (0.12, 0.15), (0.4, 0.7), (0.8, 1.0)),
    }


def laptop(rng: np.random.Generator, scale: float) -> Shape:
    """An open laptop, lit screen towards -y."""
    x, y = scale * rng.uniform(0.14, 0.17), scale * rng.uniform(0.095, 0.115)
    base, lid = scale * 0.008, scale * 0.005
    tilt = rng.uniform(8, 25)
    quat = turn((1, 0, 0), 90 - tilt)
    up = np.array([0, np.sin(np.deg2rad(tilt)), np.cos(np.deg2rad(tilt))])
    hinge = np.array([0, y, 2 * base])
    front = np.array([0, -np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))])
    return Shape(
        parts=(
            box("case", (x, y, base), (0, 0, base)),
            box("keys", (x * 0.85, y * 0.5, 0.001), (0, y * 0.3, 2 * base), collides=False),
            box("case", (x, y, lid), tuple(hinge + up * y), quat),
            box(
                "screen",
                (x * 0.92, y * 0.88, 0.001),
                tuple(hinge + up * y + front * lid),
                quat,
                pattern="screen",
                collides=False,
            ),
        ),
        radius=float(np.hypot(x, y)) * 1.05,
        height=2 * (base + y),
        mass=1.5,
    )


def laptop_palette(rng: np.random.Generator) -> Palette:
    """Dark or silver grey case, black keys, lit screen."""
    return {"case": grey(rng, (0.2, 0.4)), "keys": grey(rng, (0.04, 0.12)), "screen": (1, 1, 1)}


def teddy_bear(rng: np.random.Generator, scale: float) -> Shape:
    """A seated bear facing -y, with a hidden slab that keeps it from tipping over."""
    r = scale * rng.uniform(0.068, 0.085)
    head = np.array([0, -0.1 * r, 2.55 * r])
    parts: list[Part] = [
        ellipsoid("fur", (r, 0.9 * r, 1.1 * r), (0, 0, 1.05 * r)),
        ellipsoid("belly", (0.65 * r, 0.3 * r, 0.75 * r), (0, -0.7 * r, 1.0 * r), collides=False),
        sphere("fur", 0.75 * r, tuple(head)),
        ellipsoid(
            "belly",
            (0.36 * r, 0.3 * r, 0.28 * r),
            tuple(head + [0, -0.62 * r, -0.15 * r]),
            collides=False,
        ),
        sphere("nose", 0.11 * r, tuple(head + [0, -0.92 * r, -0.05 * r]), collides=False),
        box("fur", (1.0 * r, 1.0 * r, 0.2 * r), (0, -0.2 * r, 0.2 * r), visible=False),
    ]
    for side in (-1, 1):
        parts += [
            sphere("fur", 0.3 * r, tuple(head + [side * 0.6 * r, 0, 0.6 * r]), collides=False),
            sphere(
                "nose",
                0.09 * r,
                tuple(head + [side * 0.27 * r, -0.68 * r, 0.2 * r]),
                collides=False,
            ),
            capsule(
                "fur",
                0.3 * r,
                (side * 0.85 * r, -0.1 * r, 1.65 * r),
                (side * 1.15 * r, -0.55 * r, 0.95 * r),
            ),
            capsule(
                "fur",
                0.36 * r,
                (side * 0.55 * r, -0.5 * r, 0.36 * r),
                (side * 0.85 * r, -1.3 * r, 0.36 * r),
            ),
            sphere("belly", 0.3 * r, (side * 0.88 * r, -1.42 * r, 0.4 * r), collides=False),
        ]
    return Shape(parts=tuple(parts), radius=1.7 * r, height=3.4 * r, mass=0.4)


def teddy_bear_palette(rng: np.random.Generator) -> Palette:
    """Brown fur, lighter belly and muzzle."""
    fur = hsv(rng, (0.06, 0.09), (0.55, 0.75), (0.4, 0.68))
    return {
        "fur": fur,
        "belly": hsv(rng, (0.08, 0.1), (0.3, 0.45), (0.75, 0.92)),
        "nose": (0.05, 0.04, 0.04),
    }


def sports_ball(rng: np.random.Generator, scale: float) -> Shape:
    """A ball with panels."""
    radius = scale * rng.uniform(0.07, 0.09)
    polar = np.linspace(0, np.pi, 14)
    profile = np.stack([radius * np.sin(polar), radius * (1 - np.cos(polar))], 1)
    return Shape(
        parts=(
            lathe("skin", profile, segments=24, pattern="panels"),
            sphere("skin", radius, (0, 0, radius), visible=False),
        ),
        radius=radius,
        height=2 * radius,
        mass=0.3,
    )


def sports_ball_palette(rng: np.random.Generator) -> Palette:
    """Nearly white: the panels bring their own colour."""
    return {"skin": grey(rng, (0.88, 1.0))}


def suitcase(rng: np.random.Generator, scale: float) -> Shape:
    """A ribbed trolley case on four feet with a handle; the broad side faces -y."""
    x, y = scale * rng.uniform(0.2, 0.26), scale * rng.uniform(0.095, 0.12)
    foot, z = scale * 0.025, scale * rng.uniform(0.28, 0.34)
    middle, top = foot + z, foot + 2 * z
    parts: list[Part] = [box("shell", (x, y, z), (0, 0, middle))]
    for column in np.linspace(-0.7, 0.7, 4):
        parts.append(
            box("rib", (x * 0.06, y * 1.04, z * 0.94), (column * x, 0, middle), collides=False)
        )
    for sign_x, sign_y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        parts.append(
            box(
                "trim",
                (foot, foot, foot / 2 + 0.01),
                (sign_x * (x - foot), sign_y * (y - foot), foot / 2 + 0.01),
            )
        )
    grip = np.array(
        [
            (-x * 0.35, 0, top),
            (-x * 0.35, 0, top + z * 0.3),
            (x * 0.35, 0, top + z * 0.3),
            (x * 0.35, 0, top),
        ]
    )
    parts += arc("trim", scale * 0.012, grip, collides=False)
    return Shape(
        parts=tuple(parts),
        radius=float(np.hypot(x, y)),
        height=top,
        mass=4.0,
        handle=(0.0, 0.0, top + z * 0.3),
    )


def suitcase_palette(rng: np.random.Generator) -> Palette:
    """A saturated shell with darker ribs and black trim."""
    shell = one_of(
        rng,
        hsv(rng, (0.83, 0.88), (0.55, 0.85), (0.5, 0.8)),
        hsv(rng, (0.48, 0.53), (0.7, 0.95), (0.4, 0.65)),
    )
    return {"shell": shell, "rib": darker(shell, 0.7), "trim": grey(rng, (0.05, 0.15))}


def truck(rng: np.random.Generator, scale: float) -> Shape:
    """A toy truck driving towards -x: cab, load box, four wheels."""
    x, y = scale * rng.uniform(0.12, 0.15), scale * rng.uniform(0.05, 0.06)
    wheel = scale * rng.uniform(0.026, 0.032)
    deck, load, cab = 1.4 * wheel, scale * rng.uniform(0.04, 0.06), scale * 0.045
    window = deck + wheel * 0.3 + cab * 1.3
    parts: list[Part] = [
        box("frame", (x, y * 0.8, wheel * 0.35), (0, 0, deck)),
        box("load", (x * 0.62, y, load), (x * 0.36, 0, deck + wheel * 0.3 + load)),
        box("cab", (x * 0.32, y * 0.95, cab), (-x * 0.66, 0, deck + wheel * 0.3 + cab)),
        box("glass", (x * 0.2, y * 0.97, cab * 0.35), (-x * 0.72, 0, window), collides=False),
        box("glass", (x * 0.325, y * 0.8, cab * 0.35), (-x * 0.665, 0, window), collides=False),
    ]
    for along in (-0.62, 0.62):
        for side in (-1, 1):
            pos = (along * x, side * y * 0.95, wheel)
            parts.append(cylinder("tyre", wheel, y * 0.16, pos, _SIDEWAYS))
            parts.append(cylinder("hub", wheel * 0.5, y * 0.18, pos, _SIDEWAYS, collides=False))
    height = deck + wheel * 0.3 + 2 * max(load, cab)
    return Shape(parts=tuple(parts), radius=float(np.hypot(x, y)), height=height, mass=0.8)


def truck_palette(rng: np.random.Generator) -> Palette:
    """Red cab with a yellow load, or the other way round."""
    red = hsv(rng, (0.985, 1.01), (0.85, 1.0), (0.7, 0.95))
    yellow = hsv(rng, (0.12, 0.145), (0.85, 1.0), (0.85, 1.0))
    cab, load = (red, yellow) if rng.random() < 0.5 else (yellow, red)
    return {
        "cab": cab,
        "load": load,
        "frame": grey(rng, (0.15, 0.3)),
        "tyre": (0.06, 0.06, 0.06),
        "hub": grey(rng, (0.7, 0.9)),
        "glass": hsv(rng, (0.55, 0.6), (0.3, 0.5), (0.6, 0.8)),
    }
