# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One simulated picture with its exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SimulatedFrame:
    """A picture and everything that is true about it.

    Attributes:
        rgb: uint8 [H, W, 3].
        label_map: int32 [H, W], segment index of each pixel, -1 void.
        labels: int32 [segment], index into ``CLASSES`` (things first).
        relations: int32 [relation, 3] of subject, object (segment indices) and predicate (index
            into ``PREDICATES``); [0, 3] when there is none.
        depth: float32 [H, W], metres along the optical axis.
        entities: int32 [segment], which thing or stuff of the scene each is: the same number in
            every picture of that scene.
    """

    rgb: np.ndarray
    label_map: np.ndarray
    labels: np.ndarray
    relations: np.ndarray
    depth: np.ndarray
    entities: np.ndarray
