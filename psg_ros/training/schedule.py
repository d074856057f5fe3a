# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What changes over a run of stage 1: the learning rates, and how often attention is masked.

Source: EoMT (Kerssies et al., CVPR 2025): two-stage warmup, polynomial decay, annealing per block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from psg_ros.training.config import SegmentationTraining

POWER = 0.9  # EoMT, of the learning rate as of the annealing


def rate_factors(settings: SegmentationTraining, samples_seen: int) -> tuple[float, float]:
    """Return the factors on the learning rates of the backbone and of everything else, 0..1."""
    total = sum(phase.samples for phase in settings.phases)
    first, second = settings.warmup_samples, settings.backbone_warmup_samples
    head = _factor(settings.schedule, samples_seen, 0, first, total)
    if not second:
        return head, head
    return _factor(settings.schedule, samples_seen, first, first + second, total), head


def _factor(schedule: str, seen: int, start: int, end: int, total: int) -> float:
    """Return zero up to `start`, rising to 1 at `end`, then falling to zero at `total`."""
    if seen < start:
        return 0.0
    if schedule == "cosine":
        # Over the whole run, warmup included.
        warm = min(1.0, (seen - start + 1) / max(1, end - start))
        return warm * 0.5 * (1 + math.cos(math.pi * min(seen / total, 1.0)))
    if seen < end:
        return (seen - start) / (end - start)
    return (1 - min((seen - end) / max(1, total - end), 1.0)) ** POWER


def gate_stretches(settings: SegmentationTraining, num_blocks: int) -> list[tuple[float, float]]:
    """Return in samples when each query block begins and ends to lose its masked attention."""
    if settings.gate_start:
        steps = zip(settings.gate_start, settings.gate_end, strict=True)
        return [(start * settings.batch_size, end * settings.batch_size) for start, end in steps]
    until = settings.gate_until * sum(phase.samples for phase in settings.phases)
    return [(until * k / num_blocks, until * (k + 1) / num_blocks) for k in range(num_blocks)]


def gate_probabilities(
    samples_seen: float, stretches: Sequence[tuple[float, float]]
) -> list[float]:
    """Return each query block's chance of masked attention: 1 at first, 0 at the end."""
    chances = []
    for start, end in stretches:
        done = (samples_seen - start) / (end - start) if end > start else float(samples_seen >= end)
        chances.append((1 - min(max(done, 0.0), 1.0)) ** POWER)
    return chances
