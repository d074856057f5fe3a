# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bottle, cup, bowl, vase and potted plant: surfaces of revolution with plain collision bodies."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, grey, hsv, one_of
from psg_ros.simulation.geometry import (
    Cavity,
    Part,
    Shape,
    arc,
    box,
    combine,
    cylinder,
    ellipsoid,
    lathe,
    turn,
    z_towards,
)


def bottle(rng: np.random.Generator, scale: float) -> Shape:
    """A bottle with a neck, a label and a cap."""
    radius = scale * rng.uniform(0.036, 0.046)
    height = scale * rng.uniform(0.25, 0.33)
    shoulder, neck = height * rng.uniform(0.58, 0.66), height * 0.78
    profile = np.array(
        [(0, 0), (radius, 0), (radius, shoulder), (radius * 0.4, neck), (radius * 0.36, height)]
    )
    cap = radius * 0.44
    return Shape(
        parts=(
            lathe("body", profile),
            cylinder("cap", cap, height * 0.04, (0, 0, height * 0.97), collides=False),
            cylinder("label", radius * 1.03, shoulder * 0.25, (0, 0, shoulder * 0.5)),
            cylinder("body", radius, shoulder / 2, (0, 0, shoulder / 2), visible=False),
            cylinder(
                "cap", cap, (height - shoulder) / 2, (0, 0, (height + shoulder) / 2), visible=False
            ),
        ),
        radius=radius * 1.1,
        height=height,
        mass=0.5,
    )


def bottle_palette(rng: np.random.Generator) -> Palette:
    """Green, deep blue or amber glass."""
    glass = one_of(
        rng,
        hsv(rng, (0.33, 0.42), (0.7, 0.95), (0.3, 0.6)),
        hsv(rng, (0.36, 0.44), (0.6, 0.9), (0.4, 0.7)),
        hsv(rng, (0.56, 0.62), (0.7, 0.95), (0.4, 0.75)),
    )
    return {
        "body": glass,
        "cap": one_of(rng, grey(rng, (0.8, 1.0)), hsv(rng, (0.98, 1.03), (0.8, 1), (0.6, 0.9))),
        "label": hsv(rng, (0.08, 0.16), (0.05, 0.25), (0.85, 1.0)),
    }


def cup(rng: np.random.Generator, scale: float) -> Shape:
    """A mug with a handle."""
    radius, height = scale * rng.uniform(0.042, 0.055), scale * rng.uniform(0.085, 0.115)
    wall = radius * 0.14
    profile = np.array(
        [
            (0, 0),
            (radius * 0.92, 0),
            (radius, height),
            (radius - wall, height),
            (radius * 0.92 - wall, wall),
            (0, wall),
        ]
    )
    angle = np.linspace(-np.pi / 2, np.pi / 2, 6)
    ring = np.stack(
        [
            radius * (0.93 + 0.62 * np.cos(angle)),
            np.zeros(6),
            height * (0.5 + 0.32 * np.sin(angle)),
        ],
        1,
    )
    return Shape(
        parts=(
            lathe("body", profile),
            cylinder("drink", radius * 0.84, 0.001, (0, 0, height * 0.75), collides=False),
            cylinder("body", radius, height / 2, (0, 0, height / 2), visible=False),
            *arc("body", wall, ring, collides=False),
            box("body", (wall, wall, height * 0.3), (radius * 1.45, 0, height / 2), visible=False),
        ),
        radius=radius * 1.6,
        height=height,
        mass=0.3,
    )


def cup_palette(rng: np.random.Generator) -> Palette:
    """Pink, magenta or turquoise glaze, coffee or tea inside."""
    return {
        "body": one_of(
            rng,
            hsv(rng, (0.88, 0.95), (0.45, 0.75), (0.8, 1.0)),
            hsv(rng, (0.47, 0.52), (0.5, 0.8), (0.7, 0.95)),
        ),
        "drink": hsv(rng, (0.05, 0.09), (0.6, 0.8), (0.2, 0.5)),
    }


def bowl(rng: np.random.Generator, scale: float) -> Shape:
    """An open bowl: a turned surface to see, a ring of slabs to hold things."""
    radius, height = scale * rng.uniform(0.125, 0.155), scale * rng.uniform(0.06, 0.085)
    base, wall = radius * 0.5, scale * 0.007
    bend = np.linspace(0, np.pi / 2, 6)
    outer = np.stack([base + (radius - base) * np.sin(bend), height * (1 - np.cos(bend))], 1)
    inner = outer[::-1] - np.array([wall, -wall * 0.8])
    profile = np.concatenate([[(0, 0)], outer, inner, [(0, wall)]])
    floor = cylinder("body", base, wall / 2, (0, 0, wall / 2), visible=False)
    return Shape(
        parts=(lathe("body", profile, segments=28), floor, *_bowl_ring(base, radius, height, wall)),
        radius=radius * 1.02,
        height=height,
        mass=0.6,
        cavity=Cavity(floor=wall, rim=height, radius=radius - wall),
    )


def _bowl_ring(base: float, radius: float, height: float, wall: float) -> tuple[Part, ...]:
    """Invisible slabs from the edge of the base up to the rim."""
    slant = np.hypot(radius - base, height) / 2
    lean = np.degrees(np.arctan2(radius - base, height))
    middle, width, count = (base + radius) / 2, np.pi * radius / 12, 12
    parts = []
    for angle in np.linspace(0, 360, count, endpoint=False):
        direction = np.deg2rad(angle)
        pos = (middle * np.cos(direction), middle * np.sin(direction), height / 2)
        quat = combine(turn((0, 0, 1), angle), turn((0, 1, 0), lean))
        parts.append(box("body", (wall / 2, width, slant), pos, quat, visible=False))
    return tuple(parts)


def bowl_palette(rng: np.random.Generator) -> Palette:
    """White to pale blue porcelain."""
    return {"body": hsv(rng, (0.52, 0.62), (0.04, 0.3), (0.85, 1.0))}


def vase(rng: np.random.Generator, scale: float) -> Shape:
    """A tall bellied vase with painted bands."""
    belly, height = scale * rng.uniform(0.062, 0.085), scale * rng.uniform(0.24, 0.34)
    foot, throat = belly * rng.uniform(0.55, 0.7), belly * rng.uniform(0.35, 0.5)
    shape = np.array(
        [
            (0, 0),
            (foot, 0),
            (belly * 0.9, 0.22),
            (belly, 0.42),
            (belly * 0.8, 0.64),
            (throat, 0.84),
            (throat * 1.5, 1.0),
            (throat * 1.2, 0.99),
            (throat * 0.8, 0.8),
            (0, 0.8),
        ]
    )
    profile = shape * np.array([1.0, height])
    return Shape(
        parts=(
            lathe("body", profile, pattern="glaze"),
            cylinder("body", foot, height * 0.1, (0, 0, height * 0.1), visible=False),
            cylinder("body", belly, height * 0.25, (0, 0, height * 0.42), visible=False),
            cylinder("body", throat * 1.2, height * 0.2, (0, 0, height * 0.8), visible=False),
        ),
        radius=belly * 1.05,
        height=height,
        mass=1.2,
    )


def vase_palette(rng: np.random.Generator) -> Palette:
    """Lilac to violet tint over the painted bands."""
    return {"body": hsv(rng, (0.72, 0.8), (0.1, 0.45), (0.75, 1.0))}


def potted_plant(rng: np.random.Generator, scale: float) -> Shape:
    """A terracotta pot with leaves all around."""
    radius, pot = scale * rng.uniform(0.06, 0.075), scale * rng.uniform(0.09, 0.12)
    height = pot + scale * rng.uniform(0.14, 0.22)
    profile = np.array(
        [
            (0, 0),
            (radius * 0.7, 0),
            (radius * 0.95, pot * 0.8),
            (radius * 1.08, pot * 0.8),
            (radius * 1.08, pot),
            (radius * 0.9, pot),
            (radius * 0.85, pot * 0.9),
            (0, pot * 0.9),
        ]
    )
    crown = (height - pot) / 2
    return Shape(
        parts=(
            lathe("pot", profile),
            cylinder("soil", radius * 0.86, 0.002, (0, 0, pot * 0.92), collides=False),
            cylinder("pot", radius, pot / 2, (0, 0, pot / 2), visible=False),
            ellipsoid(
                "leaf", (radius * 1.2, radius * 1.2, crown), (0, 0, pot + crown), visible=False
            ),
            *_leaves(rng, radius, pot, height),
        ),
        radius=radius * 1.4,
        height=height,
        mass=2.0,
    )


def _leaves(rng: np.random.Generator, radius: float, pot: float, height: float) -> tuple[Part, ...]:
    """Flat ellipsoids fanning out of the pot."""
    parts = []
    count = int(rng.integers(11, 17))
    for index in range(count):
        around = 2 * np.pi * index / count * 2.4
        lean = rng.uniform(0.05, 0.75)
        direction = np.array([np.cos(around) * lean, np.sin(around) * lean, 1.0])
        direction /= np.linalg.norm(direction)
        length = (height - pot) * rng.uniform(0.75, 1.0) / 2
        centre = np.array([0, 0, pot * 0.9]) + direction * length
        size = (radius * 0.34, radius * 0.1, length)
        role = "leaf" if index % 2 else "young leaf"
        parts.append(ellipsoid(role, size, tuple(centre), z_towards(direction), collides=False))
    return tuple(parts)


def potted_plant_palette(rng: np.random.Generator) -> Palette:
    """Terracotta and two greens."""
    return {
        "pot": hsv(rng, (0.03, 0.06), (0.55, 0.75), (0.6, 0.85)),
        "soil": hsv(rng, (0.06, 0.09), (0.4, 0.6), (0.15, 0.3)),
        "leaf": hsv(rng, (0.27, 0.36), (0.6, 0.9), (0.3, 0.55)),
        "young leaf": hsv(rng, (0.24, 0.32), (0.6, 0.9), (0.5, 0.75)),
    }
