# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of "attached to", "hanging from", "holding" and "carrying".

Things are fixed to something or are in somebody's hand, at their top or elsewhere.
"""

from __future__ import annotations

from psg_ros.simulation.relations.facts import SceneFacts

TOP_SHARE = 0.2


def _fixed_at_top(
    facts: SceneFacts, subject: int, target: int, *, in_hand: bool = False
) -> bool | None:
    """None if the subject is not fixed to the target, else whether the point is near its top."""
    for fastening in facts.fastenings:
        ends = (fastening.child, fastening.parent)
        if ends == (subject, target) and fastening.in_hand == in_hand:
            below_top = facts.upper[subject][2] - fastening.point[2]
            return bool(below_top < TOP_SHARE * facts.size(subject)[2])
    return None


def hanging_from(facts: SceneFacts, subject: int, target: int) -> bool:
    """Fixed to the target in the top fifth of its height, so that the rest hangs down."""
    return _fixed_at_top(facts, subject, target) is True


def attached_to(facts: SceneFacts, subject: int, target: int) -> bool:
    """Fixed to the target elsewhere than near its top."""
    return _fixed_at_top(facts, subject, target) is False


def holding(facts: SceneFacts, subject: int, target: int) -> bool:
    """The target is in the subject's hand, taken elsewhere than near its top."""
    return _fixed_at_top(facts, target, subject, in_hand=True) is False


def carrying(facts: SceneFacts, subject: int, target: int) -> bool:
    """The target hangs from the subject's hand or shoulders, by the top fifth of its height."""
    return _fixed_at_top(facts, target, subject, in_hand=True) is True
