# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random numbers that belong to a step of the training: a resumed run draws the same ones."""

from __future__ import annotations

import numpy as np
import torch


def draws_of_step(seed: int, step: int) -> None:
    """Let torch's own generators draw the numbers of one step from now on, alike in all processes.

    For modules that draw in their `forward`, as heads do that hear their words said in other ways.
    """
    # A plain sum of seed and number would give neighbouring seeds the same draws.
    mixed = np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(mixed >> 1))
