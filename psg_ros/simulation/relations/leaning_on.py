# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rule of "leaning on"."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.relations.facts import SUPPORT_COSINE, SceneFacts

TILT_DEG = (4.0, 60.0)


def leaning_on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Tilted, held sideways by the target and from below by something else.

    The tilt is the angle between the vertical and the nearest of the thing's own z axis and the
    level: a book is built flat, so it leans with its z axis nearly level.
    """
    if not facts.is_thing[subject] or facts.rolls[subject]:
        return False
    angle = np.degrees(np.arccos(np.clip(abs(facts.up[subject][2]), 0.0, 1.0)))
    tilt = min(angle, 90.0 - angle)
    sideways = [n for n in facts.normals(target, subject) if abs(n[2]) < SUPPORT_COSINE]
    held_below = any(support != target for support in facts.supports(subject))
    return bool(sideways) and TILT_DEG[0] < tilt < TILT_DEG[1] and held_below
