# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the cells of a map are: sine codes and centres, constants of its size."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psg_ros.network.kept_tables import kept

TEMPERATURE = 10000.0
EPS = 1e-6


def sine_code(size_hw: tuple[int, int], dim: int) -> Float[Tensor, "cell dim"]:
    """Return the fixed code of every cell, row-major: half of the channels for y, half for x."""
    height, width = size_hw
    rows, columns = (axis_code(size, dim // 2) for size in size_hw)
    rows = rows[:, None].expand(height, width, dim // 2)
    columns = columns[None].expand(height, width, dim // 2)
    return torch.cat((rows, columns), dim=-1).flatten(0, 1)


def axis_code(size: int, channels: int) -> Float[Tensor, "place channel"]:
    """Return sines on even channels, cosines on odd ones; places are counted from 1.

    numpy, so that an exported graph holds the two short tables and not the way to them.
    """
    places = np.arange(1, size + 1, dtype=np.float32)
    places = places / np.float32(size + EPS) * np.float32(2 * math.pi)
    exponents = 2 * (np.arange(channels) // 2) / channels
    angles = places[:, None] / (TEMPERATURE**exponents).astype(np.float32)
    code = np.where(np.arange(channels) % 2, np.cos(angles), np.sin(angles))
    return torch.from_numpy(code.astype(np.float32))


def cell_centres(size_hw: tuple[int, int]) -> Float[Tensor, "cell 2"]:
    """Return (x, y) of every cell, row-major, in -1..1 over the map."""
    rows, columns = ((np.arange(size) * 2 + 1) / size - 1 for size in size_hw)
    grid = np.stack(np.broadcast_arrays(columns[None], rows[:, None]), axis=-1)
    return torch.from_numpy(grid.reshape(-1, 2).astype(np.float32))


def cell_sides(size_hw: tuple[int, int]) -> Tensor:
    """Return width and height of a cell, float32 [2], where the map is from -1 to 1."""
    height, width = size_hw
    return torch.tensor((2 / width, 2 / height))


kept_sine_code = kept(sine_code)
kept_cell_centres = kept(cell_centres)
kept_cell_sides = kept(cell_sides)
