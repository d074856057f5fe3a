# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rule of "over"."""

from __future__ import annotations

from psg_ros.simulation.relations.facts import SceneFacts

MAX_GAP_M = 1.2
MIN_OVERLAP = 0.5
WORKTOPS = ("counter",)


def over(facts: SceneFacts, subject: int, target: int) -> bool:
    """Above the target without contact, at least half in line with it, and not carried by it.

    Floors and rugs are left out as targets: everything is over the floor. Of a cabinet with a
    counter on it only the counter counts.
    """
    if facts.names[target].startswith(("floor", "rug", "wall")) or facts.touches(subject, target):
        return False
    gap = facts.lower[subject][2] - facts.upper[target][2]
    if any(
        not facts.is_thing[top] and top != subject and facts.holds_up(target, top)
        for top in range(len(facts.names))
        if facts.names[top] in WORKTOPS
    ):
        return False
    # The top of a couch is its back, below which a thing on the seat is not "over" the couch.
    return bool(
        0.0 < gap < MAX_GAP_M
        and facts.footprint_overlap(subject, target) >= MIN_OVERLAP
        and not facts.rests_on(subject, target)
    )
