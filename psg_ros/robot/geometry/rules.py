# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One rule per predicate: how clearly the geometry shows it, for all directed pairs at once.

Every rule returns float64 [subject, object] in 0..1. Words and directions are those that the
simulated world is annotated with, where physics decides instead of the image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from psg_ros.robot.geometry.facts import GeometricFacts

# How clear anything is at most where no depth can contradict.
WITHOUT_DEPTH = 0.8
# Share of an underside, or of an outline, from which on a contact is as clear as it gets.
CLEAR_SHARE = 0.6
# Share of an outline that what hangs flat on a face has in common with it.
FLAT_SHARE = 0.8
# How much farther it reaches up and down than away.
UPRIGHT_RATIO = 1.2
# Gap between neighbours as a share of their mean width, and the farthest "over", metres.
NEIGHBOUR_GAP = 0.4
OVER_GAP_M = 1.2
UNSEEN_M = 0.05
# Depth steps as shares of sizes: "in front of" ends where the object is mere background.
FRONT_STEP = (0.4, 2.5)

Rule = Callable[[GeometricFacts], np.ndarray]


def on(facts: GeometricFacts) -> np.ndarray:
    """The subject's underside touches the object, which can carry it."""
    kinds, contacts = facts.kinds, facts.contacts
    # Half the width at least: of a thing cut off below, the little underside in sight says little.
    underside = np.maximum(contacts.bottom, facts.width / 2)
    share = contacts.touch_above / np.maximum(underside, 1)[:, None]
    resting = kinds.movable & ~kinds.hanging
    carried = resting[:, None] & kinds.carrier & (~kinds.heavy[:, None] | kinds.ground)
    # What carries reaches below its load: else it hides the lower part of something behind.
    lower = facts.boxes[None, :, 3] >= facts.boxes[:, None, 3] - 1
    return _clear(share) * _trust(facts) * (carried & lower & ~_flat_against(facts))


def hanging_from(facts: GeometricFacts) -> np.ndarray:
    """The subject's upper side touches a ceiling, its underside does not."""
    kinds, contacts = facts.kinds, facts.contacts
    upper = contacts.touch_above.T / np.maximum(contacts.top, 1)[:, None]
    under = contacts.above / np.maximum(contacts.bottom, 1)[:, None]
    pairs = kinds.movable[:, None] & ~kinds.heavy[:, None] & kinds.ceiling
    return _clear(upper) * _clear(1 - under) * _trust(facts) * pairs


def attached_to(facts: GeometricFacts) -> np.ndarray:
    """A wall or a ceiling surrounds something that is mounted, and nothing else holds it."""
    kinds = facts.kinds
    pairs = kinds.mounted[:, None] & (kinds.upright | kinds.ceiling) & ~kinds.upright[:, None]
    held = np.maximum(on(facts), hanging_from(facts)).max(axis=1, initial=0.0)
    return _clear(_outline_share(facts)) * _trust(facts) * (1 - held)[:, None] * pairs


def inside(facts: GeometricFacts) -> np.ndarray:
    """A container surrounds most of the subject, and is larger."""
    kinds = facts.kinds
    larger = facts.areas[None, :] > 0.5 * facts.areas[:, None]
    pairs = kinds.thing[:, None] & kinds.container & ~kinds.container[:, None] & larger
    return _clear(_outline_share(facts)) * _trust(facts) * pairs


def over(facts: GeometricFacts) -> np.ndarray:
    """Above the object without contact, at least half in line with it."""
    kinds = facts.kinds
    pairs = (
        (kinds.movable & ~kinds.hanging)[:, None]
        & kinds.movable
        & ~(kinds.ground | kinds.upright)
        & (facts.contacts.above == 0)
        & ~np.eye(len(facts.areas), dtype=bool)
    )
    if facts.extents is None:
        # In an image the higher one may lie behind, unless it hangs there or is mounted on what the
        # lower one stands against.
        against = facts.contacts.whole > 0
        common = np.minimum(attached_to(facts)[:, None, :], against).max(axis=2, initial=0.0)
        hangs = hanging_from(facts).max(axis=1, initial=0.0)[:, None]
        gap = facts.boxes[None, :, 1] - facts.boxes[:, None, 3]
        near = gap < 2 * np.maximum(facts.height[:, None], facts.height)
        above = pairs & (gap > 0) & near
        return np.maximum(common, hangs) * _overlap(facts.boxes, 0) * above
    low, high = facts.extents.lower, facts.extents.upper
    gap = low[:, None, 1] - high[None, :, 1]
    with np.errstate(invalid="ignore"):
        near = (gap > 0) & (gap < OVER_GAP_M)
    # A camera sees the front of things: they reach farther back than what is measured.
    ground_plan = np.concatenate([low - UNSEEN_M, high + UNSEEN_M], axis=1)[:, [0, 2, 3, 5]]
    in_line = np.minimum(_overlap(ground_plan, 0), _overlap(ground_plan, 1))
    return np.where(near & pairs, np.nan_to_num(in_line), 0.0) * (1 - on(facts).T)


def in_front_of(facts: GeometricFacts) -> np.ndarray:
    """Between things: nearer to the camera, where both overlap in the image."""
    kinds = facts.kinds
    boxes_meet = np.minimum(_overlap(facts.boxes, 0), _overlap(facts.boxes, 1)) > 0.25
    pairs = kinds.thing[:, None] & kinds.thing & boxes_meet & ~np.eye(len(facts.areas), dtype=bool)
    if facts.extents is None:
        nearer = (facts.boxes[:, None, 3] - facts.boxes[None, :, 3]) / np.maximum(
            facts.height[:, None], 1
        )
        meet = facts.contacts.whole > 0
        return WITHOUT_DEPTH * np.clip(nearer / 0.4, 0, 1) * (pairs & meet)
    size = np.nanmax(facts.extents.upper - facts.extents.lower, axis=1, initial=0.0)
    step = facts.extents.distance[None, :] - facts.extents.distance[:, None]
    with np.errstate(invalid="ignore"):
        far_enough = step / np.maximum(FRONT_STEP[0] * size[:, None], 1e-3)
        near_enough = step < FRONT_STEP[1] * (size[:, None] + size) / 2
    return np.clip(np.nan_to_num(far_enough), 0, 1) * (pairs & near_enough)


def beside(facts: GeometricFacts) -> np.ndarray:
    """Left neighbour of the object on the same carrier, as near to the camera, with a small gap."""
    kinds, boxes = facts.kinds, facts.boxes
    carried = on(facts)
    common = np.minimum(carried[:, None, :], carried[None, :, :]).max(axis=2, initial=0.0)
    middle = boxes[:, 0] + boxes[:, 2]
    left = middle[:, None] < middle
    pairs = kinds.thing[:, None] & kinds.thing & left
    if facts.extents is None:
        gap = boxes[None, :, 0] - boxes[:, None, 2]
        size = (facts.width[:, None] + facts.width) / 2
        step = np.abs(boxes[:, None, 3] - boxes[None, :, 3])
        level = step < 0.4 * np.minimum(facts.height[:, None], facts.height)
        near = _near(gap / np.maximum(size, 1))
        return common * near * (pairs & level)
    low, high = facts.extents.lower[:, [0, 2]], facts.extents.upper[:, [0, 2]]
    apart = np.maximum(low[:, None] - high[None, :], low[None, :] - high[:, None])
    gap = np.linalg.norm(np.maximum(np.nan_to_num(apart, nan=np.inf), 0), axis=2)
    size = np.nanmax(high - low, axis=1, initial=0.0)
    size = (size[:, None] + size) / 2
    step = np.abs(facts.extents.distance[:, None] - facts.extents.distance)
    with np.errstate(invalid="ignore"):
        level = step < np.maximum(size, 1e-3)
    return common * _near(gap / np.maximum(size, 1e-3)) * (pairs & level)


# In order of priority: what a rule claims of a pair is not there for the later ones.
RULES: dict[str, Rule] = {
    "hanging from": hanging_from,
    "attached to": attached_to,
    "in": inside,
    "on": on,
    "over": over,
    "in front of": in_front_of,
    "beside": beside,
}


def _clear(share: np.ndarray) -> np.ndarray:
    return np.clip(share / CLEAR_SHARE, 0, 1)


def _trust(facts: GeometricFacts) -> float:
    return WITHOUT_DEPTH if facts.extents is None else 1.0


def _near(gap: np.ndarray) -> np.ndarray:
    """Return 1 without a gap, falling to 0.5 at the widest that counts, then 0."""
    return np.where(gap < NEIGHBOUR_GAP, 1 - 0.5 * np.clip(gap / NEIGHBOUR_GAP, 0, 1), 0.0)


def _flat_against(facts: GeometricFacts) -> np.ndarray:
    """Say what hangs flat on an upright face, as a towel on a refrigerator; needs depth.

    It touches all around, and it reaches up and down rather than away.
    """
    extents = facts.extents
    if extents is None:
        return np.zeros((len(facts.areas),) * 2, bool)
    with np.errstate(invalid="ignore"):
        _, up, away = (extents.upper - extents.lower).T
        is_upright = facts.kinds.mounted & (up > UPRIGHT_RATIO * away)
    return is_upright[:, None] & (_outline_share(facts) > FLAT_SHARE)


def _outline_share(facts: GeometricFacts) -> np.ndarray:
    """Return float64 [segment, other], share of a segment's outline that the other touches."""
    contacts = facts.contacts
    return contacts.touch_whole / np.maximum(contacts.whole.sum(axis=1), 1)[:, None]


def _overlap(boxes: np.ndarray, axis: int) -> np.ndarray:
    """Return float64 [box, box], how much two boxes overlap along an axis; of the shorter one."""
    low, high = boxes[:, axis], boxes[:, axis + 2]
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    shorter = np.minimum((high - low)[:, None], high - low)
    return np.clip(shared / np.maximum(shorter, 1e-6), 0, 1)
