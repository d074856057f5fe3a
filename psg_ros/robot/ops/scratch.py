# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Working memory kept from frame to frame.

Fresh memory of a few megabytes comes from the kernel page by page, which takes longer than the
arithmetic done in it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike


class Scratch:
    """Named arrays with undefined contents; for one thread, never part of a result."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """Return the array of that name, new only when shape or dtype changed."""
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self._arrays[name] = np.empty(shape, dtype)
        return array

    def take_part(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """Return an array of that shape in memory that only ever grows: for sizes that change."""
        array = self._arrays.get(name)
        if array is None or array.size < math.prod(shape) or array.dtype != dtype:
            array = self._arrays[name] = np.empty(math.prod(shape), dtype)
        return array[: math.prod(shape)].reshape(shape)
