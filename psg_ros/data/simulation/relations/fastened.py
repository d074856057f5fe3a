# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of «attached to» and «hanging from»: fixed to something, held from above or not."""

from __future__ import annotations

from psg_ros.data.simulation.relations.facts import SceneFacts

TOP_SHARE = 0.2


def _fixed_at_top(facts: SceneFacts, subject: int, target: int) -> bool | None:
    """None if the two are not fixed to each other, else whether the point is near the top."""
    for fastening in facts.fastenings:
        if (fastening.child, fastening.parent) == (subject, target):
            below_top = facts.upper[subject][2] - fastening.point[2]
            return bool(below_top < TOP_SHARE * facts.size(subject)[2])
    return None


def hanging_from(facts: SceneFacts, subject: int, target: int) -> bool:
    """Fixed to the target in the top fifth of its height, so that the rest hangs down."""
    return _fixed_at_top(facts, subject, target) is True


def attached_to(facts: SceneFacts, subject: int, target: int) -> bool:
    """Fixed to the target elsewhere than near its top."""
    return _fixed_at_top(facts, subject, target) is False
