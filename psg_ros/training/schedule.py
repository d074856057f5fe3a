# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the learning rates change over a run of stage 1.

Sources: EoMT (Kerssies et al., CVPR 2025): two-stage warmup, polynomial decay; Mask2Former: two
steps near the end.
"""

from __future__ import annotations

import math

from psg_ros.training.config import SegmentationTraining

POWER = 0.9  # EoMT
DROPS, DROP = (327_778 / 368_750, 355_092 / 368_750), 0.1  # Mask2Former
"""Shares of a run at which the rate falls, and to which part of what it was."""


def rate_factors(settings: SegmentationTraining, samples_seen: int) -> tuple[float, float]:
    """Return the factors on the learning rates of the backbone and of everything else, 0..1."""
    total = sum(phase.samples for phase in settings.phases)
    first, second = settings.warmup_samples, settings.backbone_warmup_samples
    head = _factor(settings.schedule, samples_seen, 0, first, total)
    if not second:
        return head, head
    return _factor(settings.schedule, samples_seen, first, first + second, total), head


def _factor(schedule: str, seen: int, start: int, end: int, total: int) -> float:
    """Return zero up to `start`, rising to 1 at `end`, then falling until `total`."""
    if seen < start:
        return 0.0
    if schedule == "cosine":
        # Over the whole run, warmup included.
        warm = min(1.0, (seen - start + 1) / max(1, end - start))
        return warm * 0.5 * (1 + math.cos(math.pi * min(seen / total, 1.0)))
    if seen < end:
        return (seen - start) / (end - start)
    if schedule == "steps":
        return DROP ** sum(seen >= share * total for share in DROPS)
    return (1 - min((seen - end) / max(1, total - end), 1.0)) ** POWER
