# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rule of "touching"."""

from __future__ import annotations

from psg_ros.simulation.relations.facts import SceneFacts


def touching(facts: SceneFacts, subject: int, target: int) -> bool:
    """Two things in contact of which neither holds up the other; the left one is the subject."""
    if not (facts.is_thing[subject] and facts.is_thing[target]):
        return False
    if not facts.touches(subject, target):
        return False
    if facts.holds_up(subject, target) or facts.holds_up(target, subject):
        return False
    middle = facts.boxes_xyxy[:, [0, 2]].sum(axis=1)
    return bool((middle[subject], subject) < (middle[target], target))
