# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random colours within the range that is typical of a class, as float RGB tuples in 0..1."""

from __future__ import annotations

import colorsys

import numpy as np

Colour = tuple[float, ...]
Palette = dict[str, Colour]
Range = tuple[float, float]


def hsv(rng: np.random.Generator, hue: Range, saturation: Range, value: Range) -> Colour:
    """A colour drawn evenly from ranges of hue (0..1, may run past 1), saturation and value."""
    return colorsys.hsv_to_rgb(
        rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*value)
    )


def grey(rng: np.random.Generator, value: Range) -> Colour:
    """A nearly neutral colour of the given brightness."""
    return hsv(rng, (0.0, 1.0), (0.0, 0.06), value)


def one_of(rng: np.random.Generator, *colours: Colour) -> Colour:
    """One of the colours, each equally likely."""
    return colours[rng.integers(len(colours))]


def darker(colour: Colour, factor: float) -> Colour:
    """The colour scaled by ``factor`` (0..1)."""
    return tuple(channel * factor for channel in colour)
