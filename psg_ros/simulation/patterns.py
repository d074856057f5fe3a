# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Surface patterns (textures) drawn by numpy: bricks, planks, stripes, panels.

Every pattern is uint8 [size, size, 3]; most are bright greys, because the engine multiplies a
pattern by its part's colour, which then can change from view to view without a new upload.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PATTERN_SIZE = 128


def draw_pattern(name: str, rng: np.random.Generator) -> np.ndarray:
    """The named pattern with random details; uint8 [PATTERN_SIZE, PATTERN_SIZE, 3].

    Raises:
        KeyError: No pattern has this name.
    """
    image = PATTERNS[name](rng)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    return np.clip(image * 255, 0, 255).astype(np.uint8)


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns in 0..1, float [size, size] each."""
    axis = (np.arange(PATTERN_SIZE) + 0.5) / PATTERN_SIZE
    return np.meshgrid(axis, axis, indexing="ij")


def _noise(rng: np.random.Generator, cells: int, amount: float) -> np.ndarray:
    """Blocky random brightness around 0, float [size, size]."""
    coarse = rng.normal(0.0, amount, (cells, cells))
    factor = -(-PATTERN_SIZE // cells)
    return np.kron(coarse, np.ones((factor, factor)))[:PATTERN_SIZE, :PATTERN_SIZE]


def _brick(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    count = 4
    course = np.floor(rows * count)
    shifted = columns * 2 + 0.5 * (course % 2)
    mortar = ((rows * count) % 1 < 0.13) | (shifted % 1 < 0.05)
    tone = rng.uniform(0.7, 1.0, (count, 3))[course.astype(int), np.floor(shifted).astype(int) % 2]
    surface = (tone + _noise(rng, 64, 0.04))[..., None] * np.ones(3)
    surface[mortar] = rng.uniform(0.75, 0.95) * np.array([1.0, 1.15, 1.25])
    return surface


def _planks(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    count = 6
    plank = np.floor(columns * count).astype(int)
    joint = rng.uniform(0.0, 1.0, count)[plank]
    gap = ((columns * count) % 1 < 0.06) | (np.abs(rows - joint) < 0.008)
    tone = rng.uniform(0.72, 1.0, count)[plank]
    grain = 0.04 * np.sin(2 * np.pi * (columns * 37 + 0.6 * np.sin(rows * 6.28 + plank)))
    return np.where(gap, 0.45, tone + grain + _noise(rng, 64, 0.02))


def _tiles(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    gap = ((rows * 2) % 1 < 0.04) | ((columns * 2) % 1 < 0.04)
    return np.where(gap, 0.65, 0.93 + _noise(rng, 2, 0.02) + _noise(rng, 32, 0.015))


def _plaster(rng: np.random.Generator) -> np.ndarray:
    return 0.95 + _noise(rng, 8, 0.01) + _noise(rng, 64, 0.012)


def _wood(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    wave = columns * rng.uniform(8, 14) + 0.8 * np.sin(2 * np.pi * rows * rng.integers(1, 3))
    return 0.88 + 0.08 * np.sin(2 * np.pi * wave) + _noise(rng, 64, 0.015)


def _rug(rng: np.random.Generator) -> np.ndarray:
    rows, columns = _grid()
    edge = np.minimum(np.minimum(rows, 1 - rows), np.minimum(columns, 1 - columns))
    rings = (np.floor(edge * rng.integers(10, 18)) % 2).astype(bool)
    weave = 0.9 + _noise(rng, 64, 0.05)
    first, second = rng.uniform(0.55, 1.0, 3), rng.uniform(0.75, 1.0, 3)
    return np.where(rings[..., None], first, second) * weave[..., None]


def _panels(rng: np.random.Generator) -> np.ndarray:
    """Panels of a ball, alternately white and a strong colour.

    The colour is part of the pattern: a product with the part's colour cannot keep white panels.
    """
    rows, columns = _grid()
    count = int(rng.integers(2, 4)) * 2
    light = (np.floor(columns * count) % 2).astype(bool) ^ (np.abs(rows - 0.5) < 0.12)
    accent = np.array([(0.1, 0.2, 0.75), (0.08, 0.08, 0.1), (0.1, 0.45, 0.75)])[rng.integers(3)]
    return np.where(light[..., None], np.array([0.97, 0.97, 0.97]), accent)


def _glaze(rng: np.random.Generator) -> np.ndarray:
    """Painted bands and diamonds of a vase."""
    rows, columns = _grid()
    bands = np.abs(((rows * rng.integers(4, 7)) % 1) - 0.5) < 0.12
    repeat = rng.integers(4, 8)
    diamonds = np.abs((columns * repeat) % 1 - 0.5) + np.abs((rows * 5) % 1 - 0.5) < 0.32
    ink = np.array([(0.35, 0.3, 0.75), (0.5, 0.25, 0.65), (0.25, 0.3, 0.6)])[rng.integers(3)]
    return np.where((bands | diamonds)[..., None], ink, np.array([0.95, 0.95, 0.97]))


def _screen(rng: np.random.Generator) -> np.ndarray:
    """A lit computer screen with a few windows."""
    rows, columns = _grid()
    image = np.ones((PATTERN_SIZE, PATTERN_SIZE, 3)) * rng.uniform((0.2, 0.45, 0.8), (0.4, 0.7, 1))
    for _ in range(rng.integers(1, 4)):
        top, left = rng.uniform(0.1, 0.5, 2)
        inside = (rows > top) & (rows < top + 0.35) & (columns > left) & (columns < left + 0.4)
        image[inside] = rng.uniform(0.6, 1.0, 3)
    return image


def _folds(rng: np.random.Generator) -> np.ndarray:
    _, columns = _grid()
    return 0.85 + 0.15 * np.sin(2 * np.pi * columns * rng.integers(6, 10))


def _film(rng: np.random.Generator) -> np.ndarray:
    """A television picture or a painting: sky, ground and a few patches."""
    rows, columns = _grid()
    horizon = rng.uniform(0.35, 0.7) + 0.08 * np.sin(2 * np.pi * (columns * rng.uniform(0.5, 2)))
    image = np.where((rows < horizon)[..., None], rng.uniform(0.2, 1, 3), rng.uniform(0.1, 0.8, 3))
    for _ in range(rng.integers(2, 6)):
        y, x = rng.uniform(0.1, 0.9, 2)
        height, width = rng.uniform(0.05, 0.25, 2)
        inside = ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 < 1
        image[inside] = rng.uniform(0.0, 1.0, 3)
    return image


def _outlook(rng: np.random.Generator) -> np.ndarray:
    """What is seen through a window: sky with clouds above hedges."""
    rows, columns = _grid()
    sky = np.array([0.62, 0.8, 1.0]) * (0.8 + 0.2 * rows[..., None])
    hill = rng.uniform(0.55, 0.85) + 0.06 * np.sin(2 * np.pi * (columns * 3 + rng.uniform()))
    image = np.where((rows > hill)[..., None], np.array([0.3, 0.5, 0.25]), sky)
    for _ in range(rng.integers(1, 4)):
        y, x = rng.uniform(0.1, 0.4), rng.uniform(0, 1)
        cloud = ((rows - y) / 0.06) ** 2 + ((columns - x) / 0.2) ** 2 < 1
        image[cloud & (rows < hill)] = 0.97
    return image


def _keys(rng: np.random.Generator) -> np.ndarray:
    """Four rows of keys with dark gaps and a space bar below."""
    rows, columns = _grid()
    row = np.floor(rows * 5)
    gap = ((rows * 5) % 1 < 0.16) | ((columns * 13 + 0.3 * row) % 1 < 0.16)
    bar = (row == 4) & (np.abs(columns - 0.45) < 0.22) & ((rows * 5) % 1 >= 0.16)
    return np.where(gap & ~bar, 0.35, 1.0) + _noise(rng, 64, 0.01)


def _sectors(rng: np.random.Generator) -> np.ndarray:
    """Sectors of a canopy, every other one pale."""
    _, columns = _grid()
    second = np.ones(3) if rng.random() < 0.5 else rng.uniform(0.45, 0.8) * np.ones(3)
    pale = (np.floor(columns * 8) % 2).astype(bool)[..., None]
    return np.where(pale, second, np.array([1.0, 0.55, 0.5]) if rng.random() < 0.5 else 0.7)


def _stone(rng: np.random.Generator) -> np.ndarray:
    return 0.85 + _noise(rng, 64, 0.08) + _noise(rng, 16, 0.03)


def _carpet(rng: np.random.Generator) -> np.ndarray:
    return 0.85 + _noise(rng, 128, 0.06)


def _parquet(rng: np.random.Generator) -> np.ndarray:
    """Short staves, in turn along and across."""
    rows, columns = _grid()
    across = ((np.floor(rows * 2) + np.floor(columns * 2)) % 2).astype(bool)
    along = np.where(across, rows, columns) * 8
    tone = rng.uniform(0.72, 1.0, 8)[np.floor(along).astype(int)]
    edge = ((rows * 2) % 1 < 0.03) | ((columns * 2) % 1 < 0.03) | (along % 1 < 0.08)
    return np.where(edge, 0.5, tone) + _noise(rng, 64, 0.02)


def _wallpaper(rng: np.random.Generator) -> np.ndarray:
    """Stripes or dots, a little darker than the ground."""
    rows, columns = _grid()
    count = int(rng.integers(2, 5)) * 2
    if rng.random() < 0.5:
        mark = np.floor(columns * count) % 2 == 0
    else:
        mark = ((rows * count) % 1 - 0.5) ** 2 + ((columns * count) % 1 - 0.5) ** 2 < 0.06
    return np.where(mark, rng.uniform(0.75, 0.9), 0.97) + _noise(rng, 64, 0.01)


PATTERNS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "brick": _brick,
    "planks": _planks,
    "tiles": _tiles,
    "plaster": _plaster,
    "wood": _wood,
    "rug": _rug,
    "panels": _panels,
    "glaze": _glaze,
    "screen": _screen,
    "folds": _folds,
    "film": _film,
    "outlook": _outlook,
    "keys": _keys,
    "sectors": _sectors,
    "stone": _stone,
    "carpet": _carpet,
    "parquet": _parquet,
    "wallpaper": _wallpaper,
}
