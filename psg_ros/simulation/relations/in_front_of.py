# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rule of "in front of"."""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.relations.facts import SceneFacts

MIN_OVERLAP = 0.25
MAX_DEPTH_STEP = 2.5


def in_front_of(facts: SceneFacts, subject: int, target: int) -> bool:
    """Nearer to the camera by half a subject, with boxes that overlap in the picture.

    Only between things, and only as far behind as a few times the subject's size: what is far
    behind is background.
    """
    if not (facts.is_thing[subject] and facts.is_thing[target]):
        return False
    extent = float(np.max(facts.size(subject)))
    step = facts.depth[target] - facts.depth[subject]
    if not 0.4 * extent < step < MAX_DEPTH_STEP * (extent + float(np.max(facts.size(target)))) / 2:
        return False
    return image_overlap(facts.boxes_xyxy[subject], facts.boxes_xyxy[target]) > MIN_OVERLAP


def image_overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Shared area of two xyxy boxes as a share of the smaller one's, 0..1."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    area = min(float(np.prod(one[2:] - one[:2])), float(np.prod(other[2:] - other[:2])))
    return shared / max(area, 1e-9)
