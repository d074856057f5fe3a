# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of "in" and its reverse "enclosing"."""

from __future__ import annotations

from psg_ros.simulation.relations.facts import SceneFacts


def inside(facts: SceneFacts, subject: int, target: int) -> bool:
    """The subject's middle is within the rim seen from above, its lowest point below the rim."""
    return bool(facts.is_thing[subject]) and facts.is_within(target, subject)


def enclosing(facts: SceneFacts, subject: int, target: int) -> bool:
    """The target lies in the subject's hollow with at least a third of its height below the rim."""
    if not inside(facts, target, subject):
        return False
    below = facts.hollows[subject].rim - facts.lower[target][2]
    return bool(below >= facts.size(target)[2] / 3)
