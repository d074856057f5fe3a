# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Templates of scenes; each makes some relations happen on purpose."""

from __future__ import annotations

import numpy as np

from psg_ros.data.simulation.scene import ScenePlan
from psg_ros.data.simulation.templates.living_room import living_room
from psg_ros.data.simulation.templates.tabletop import tabletop

TABLETOP_SHARE = 0.5


def plan_scene(rng: np.random.Generator) -> ScenePlan:
    """A random scene of a random template."""
    return tabletop(rng) if rng.random() < TABLETOP_SHARE else living_room(rng)
