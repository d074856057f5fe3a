# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of "on", "standing on", "lying on", "sitting on", "walking on", "riding", "parked on".

All mean "held up by"; which word fits follows from the thing's posture: its class says what it
does upright and what it does on its side.
"""

from __future__ import annotations

from psg_ros.simulation.relations.facts import SceneFacts


def _held_in_posture(facts: SceneFacts, subject: int, target: int, predicate: str) -> bool:
    return facts.posture(subject) == predicate and facts.holds_up(target, subject)


def on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Held up by the target, by a thing that neither stands nor lies (a cup, a ball)."""
    return _held_in_posture(facts, subject, target, "on")


def standing_on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Held up by the target with its long side upright."""
    return _held_in_posture(facts, subject, target, "standing on")


def lying_on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Held up by the target with its long side level."""
    return _held_in_posture(facts, subject, target, "lying on")


def sitting_on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Held up by the target, by an upright thing of a seated shape."""
    return _held_in_posture(facts, subject, target, "sitting on")


def parked_on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Held up by the target, by an upright vehicle."""
    return _held_in_posture(facts, subject, target, "parked on")


def walking_on(facts: SceneFacts, subject: int, target: int) -> bool:
    """Held up by the target, by a person in a stride."""
    return _held_in_posture(facts, subject, target, "walking on")


def riding(facts: SceneFacts, subject: int, target: int) -> bool:
    """A person whose feet are on a skateboard."""
    return (
        facts.names[subject] == "person"
        and facts.names[target] == "skateboard"
        and facts.holds_up(target, subject)
    )
