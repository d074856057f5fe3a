# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rule of "beside"."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.relations.facts import SceneFacts

MAX_GAP = 0.4


def beside(facts: SceneFacts, subject: int, target: int) -> bool:
    """Left neighbour of the target on the same support, as near to the camera, with a small gap.

    Annotators mark one direction; here the subject is the one farther left in the picture.
    """
    if not (facts.is_thing[subject] and facts.is_thing[target]):
        return False
    if not set(facts.supports(subject)) & set(facts.supports(target)):
        return False
    extent = float(np.max(facts.size(subject)[:2]) + np.max(facts.size(target)[:2])) / 2
    apart = np.maximum(
        facts.lower[subject] - facts.upper[target], facts.lower[target] - facts.upper[subject]
    )[:2]
    gap = float(np.linalg.norm(np.maximum(apart, 0.0)))
    depth_step = abs(facts.depth[subject] - facts.depth[target])
    left = facts.boxes_xyxy[subject][[0, 2]].sum() < facts.boxes_xyxy[target][[0, 2]].sum()
    return bool(left and gap < MAX_GAP * extent and depth_step < extent)
