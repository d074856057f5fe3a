# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The weights of Pillow's bilinear resize, as `prepare_antialiased` reads them."""

from __future__ import annotations

import numpy as np

PRECISION_BITS = 22
"""Binary places of Pillow's integer weights for bytes."""


def weight_table(source: int, target: int) -> np.ndarray:
    """Return int32 [target, 2 + tap]: first source pixel, number of them, and their weights.

    The arithmetic is that of Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
    """
    scale = source / target
    widened = max(scale, 1.0)
    center = (np.arange(target) + 0.5) * scale
    first = np.maximum((center - widened + 0.5).astype(np.int64), 0)
    count = np.minimum((center + widened + 0.5).astype(np.int64), source) - first
    place = np.arange(count.max())
    distance = np.abs((place + first[:, None] - center[:, None] + 0.5) * (1.0 / widened))
    weights = np.where(place < count[:, None], np.maximum(1.0 - distance, 0.0), 0.0)
    total = np.zeros(target)
    for column in weights.T:  # one after the other, as Pillow adds
        total += column
    whole = (0.5 + weights / total[:, None] * (1 << PRECISION_BITS)).astype(np.int32)
    return np.concatenate([np.stack([first, count], axis=1).astype(np.int32), whole], axis=1)
