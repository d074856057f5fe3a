# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rule of "about to hit"."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.relations.facts import SceneFacts

HORIZON_S = 0.25
MIN_SPEED = 0.3
STEPS = 20


def about_to_hit(facts: SceneFacts, subject: int, target: int) -> bool:
    """Not in contact yet, but the subject's straight path meets the target's box within 0.25 s.

    The subject is taken as a ball of half its smallest edge, moving with the present relative
    velocity; 0.3 m/s and less hardly counts as motion.
    """
    motion = facts.velocity[subject] - facts.velocity[target]
    if np.linalg.norm(facts.velocity[subject]) < MIN_SPEED or not facts.is_thing[target]:
        return False
    if not facts.is_thing[subject] or facts.touches(subject, target):
        return False
    path = facts.centre(subject) + np.linspace(0, HORIZON_S, STEPS)[:, None] * motion
    outside = np.maximum(np.maximum(facts.lower[target] - path, path - facts.upper[target]), 0.0)
    distance = np.linalg.norm(outside, axis=1)
    return bool(distance.min() < float(np.min(facts.size(subject))) / 2)
