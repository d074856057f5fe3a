# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Wine glass and donut."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, grey, hsv, one_of
from psg_ros.simulation.geometry import Shape, capsule, cylinder, lathe


def wine_glass(rng: np.random.Generator, scale: float) -> Shape:
    """A foot, a thin stem and a bellied bowl with wine in it."""
    bowl, height = scale * rng.uniform(0.042, 0.05), scale * rng.uniform(0.19, 0.23)
    foot, stem, wall = bowl * 0.85, scale * 0.006, scale * 0.003
    belly = np.array([(0.3, 0.45), (0.8, 0.52), (1.0, 0.66), (0.95, 0.82), (0.8, 1.0)])
    outer = belly * np.array([bowl, height])
    inner = outer[::-1] - np.array([wall, 0.0])
    base = [(0, 0), (foot, 0), (foot, wall), (stem, height * 0.05), (stem, height * 0.43)]
    profile = np.concatenate([base, outer, inner, [(0, height * 0.46)]])
    wine = np.array([(0.3, 0.46), (0.82, 0.53), (1.02, 0.66), (1.0, 0.76), (0.0, 0.76)])
    return Shape(
        parts=(
            lathe("glass", profile),
            lathe("wine", wine * np.array([bowl, height])),
            cylinder("glass", foot, height * 0.05, (0, 0, height * 0.05), visible=False),
            cylinder("glass", bowl * 0.95, height * 0.25, (0, 0, height * 0.75), visible=False),
            cylinder("glass", stem, height * 0.4, (0, 0, height * 0.4), visible=False),
        ),
        radius=bowl * 1.1,
        height=height,
        mass=0.25,
    )


def wine_glass_palette(rng: np.random.Generator) -> Palette:
    """Clear glass looks pale; red or white wine."""
    return {
        "glass": grey(rng, (0.82, 1.0)),
        "wine": one_of(
            rng,
            hsv(rng, (0.95, 1.0), (0.8, 1.0), (0.25, 0.5)),
            hsv(rng, (0.13, 0.17), (0.5, 0.7), (0.8, 0.95)),
        ),
    }


def donut(rng: np.random.Generator, scale: float) -> Shape:
    """A ring of dough with icing on its upper half and sprinkles."""
    ring, tube = scale * rng.uniform(0.042, 0.05), scale * rng.uniform(0.022, 0.028)
    around = np.linspace(-np.pi / 2, 1.5 * np.pi, 15)
    dough = np.stack([ring + tube * np.cos(around), tube * (1 + 0.85 * np.sin(around))], 1)
    top = np.linspace(-0.1, np.pi + 0.1, 9)
    icing = np.stack([ring + tube * 1.07 * np.cos(top), tube * (1 + 0.95 * np.sin(top))], 1)
    sprinkles = []
    for number in range(9):
        angle, aside = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 0.5) * tube
        place = np.array([np.cos(angle), np.sin(angle)]) * (ring + aside)
        along = np.array([np.sin(7.0 * number), np.cos(7.0 * number)]) * tube * 0.16
        z = tube * 1.88
        sprinkles.append(
            capsule(
                "sprinkle",
                tube * 0.07,
                (*(place - along), z),
                (*(place + along), z),
                collides=False,
            )
        )
    body = cylinder("dough", ring + tube, tube * 0.92, (0, 0, tube * 1.05), visible=False)
    parts = (lathe("dough", dough), lathe("icing", icing), body, *sprinkles)
    return Shape(parts=parts, radius=ring + tube, height=2 * tube, mass=0.1)


def donut_palette(rng: np.random.Generator) -> Palette:
    """Pink, chocolate or white icing."""
    return {
        "dough": hsv(rng, (0.08, 0.1), (0.5, 0.65), (0.75, 0.9)),
        "icing": one_of(
            rng,
            hsv(rng, (0.9, 0.95), (0.35, 0.55), (0.9, 1.0)),
            hsv(rng, (0.04, 0.07), (0.6, 0.8), (0.22, 0.35)),
            grey(rng, (0.9, 1.0)),
        ),
        "sprinkle": hsv(rng, (0.0, 1.0), (0.6, 1.0), (0.7, 1.0)),
    }
