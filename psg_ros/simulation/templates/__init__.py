# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Templates of scenes; each makes some relations happen on purpose."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.scene import ScenePlan
from psg_ros.simulation.templates.bedroom import bedroom
from psg_ros.simulation.templates.hallway import hallway
from psg_ros.simulation.templates.kitchen import kitchen
from psg_ros.simulation.templates.living_room import living_room
from psg_ros.simulation.templates.tabletop import tabletop

# Share of each template among all scenes.
TEMPLATES = {tabletop: 0.3, living_room: 0.23, kitchen: 0.15, bedroom: 0.1, hallway: 0.22}


def plan_scene(rng: np.random.Generator) -> ScenePlan:
    """A random scene of a random template."""
    templates = list(TEMPLATES)
    return templates[rng.choice(len(templates), p=list(TEMPLATES.values()))](rng)
