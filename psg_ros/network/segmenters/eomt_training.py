# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How EoMT learns in stage 1: how often its attention is masked, and how fast each block learns.

Source: EoMT (Kerssies et al., CVPR 2025): annealed masked attention, layer-wise learning rates. The
settings are those of `psg_ros.training.config.SegmentationTraining`. Needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

POWER = 0.9  # EoMT, of the annealing
BACKBONE = r"(stem|cls_token|register_tokens|position_embedding|blocks|norm)\b"
OWN_SETTINGS = (
    "layer_decay", "decay_query_blocks", "backbone_warmup_samples", "gate_start", "gate_end",
    "gate_until", "upscale_all", "stem_weights", "graft_from", "stem_frozen_samples", "stem_rate",
)  # fmt: skip
"""Settings that only EoMT reads."""


class TrainingPhase(Protocol):
    """What EoMT reads of a phase."""

    @property
    def input_hw(self) -> tuple[int, int]: ...
    @property
    def samples(self) -> int: ...


class EomtTraining(Protocol):
    """What EoMT reads of the settings of stage 1, which explain it."""

    @property
    def phases(self) -> Sequence[TrainingPhase]: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def layer_decay(self) -> float: ...
    @property
    def decay_query_blocks(self) -> bool: ...
    @property
    def gate_start(self) -> tuple[int, ...]: ...
    @property
    def gate_end(self) -> tuple[int, ...]: ...
    @property
    def gate_until(self) -> float: ...
    @property
    def stem_weights(self) -> str: ...
    @property
    def graft_from(self) -> str: ...
    @property
    def stem_frozen_samples(self) -> int: ...
    @property
    def stem_rate(self) -> float: ...


def total_samples(settings: EomtTraining) -> int:
    """Return how many samples the whole run learns from."""
    return sum(phase.samples for phase in settings.phases)


def gate_stretches(settings: EomtTraining, num_blocks: int) -> list[tuple[float, float]]:
    """Return in samples when each query block begins and ends to lose its masked attention."""
    if settings.gate_start:
        steps = zip(settings.gate_start, settings.gate_end, strict=True)
        return [(start * settings.batch_size, end * settings.batch_size) for start, end in steps]
    until = settings.gate_until * total_samples(settings)
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


def rate_scale(name: str, settings: EomtTraining, depth: int, num_query_blocks: int) -> float:
    """Return the factor on the learning rate of a parameter of the ViT.

    The deeper a block lies below the last one, the slower it learns; the stem and the tokens of the
    ViT are as slow as its first block.
    """
    if name.startswith("norm."):
        return 1.0
    block = int(name.split(".")[1]) if name.startswith("blocks.") else 0
    sees_queries = block >= depth - num_query_blocks
    if sees_queries and not settings.decay_query_blocks:
        return 1.0
    return settings.layer_decay ** (depth - 1 - block)


def is_backbone(name: str) -> bool:
    """Return whether a parameter belongs to the ViT."""
    return re.match(BACKBONE, name) is not None


def check_stem(settings: EomtTraining, stem: str, *, is_pretrained: bool) -> None:
    """Refuse what only a pretrained stem has where there is another one.

    Raises:
        ValueError: says which setting must be what.
    """
    for name in ("stem_weights", "graft_from", "stem_frozen_samples"):
        if getattr(settings, name) and not is_pretrained:
            what = f"a pretrained stem, as efficientnet_lite2; the network has {stem}"
            raise ValueError(f"{name} {getattr(settings, name)} is for {what}")


def check_gates(settings: EomtTraining, num_blocks: int) -> None:
    """Refuse masked attention that never ends: inference has none, and would not show why.

    Raises:
        ValueError: says which setting must be what.
    """
    start, end = settings.gate_start, settings.gate_end
    if not start and not end:
        return
    if len(start) != num_blocks or len(end) != num_blocks:
        what = f"one step for each of the {num_blocks} query blocks, or be empty"
        raise ValueError(f"gate_start and gate_end must have {what}, not {start} and {end}")
    if any(first < 0 or first > last for first, last in zip(start, end, strict=True)):
        raise ValueError(f"gate_start {start} must lie before gate_end {end}")
    if max(end) * settings.batch_size > total_samples(settings):
        steps = total_samples(settings) // settings.batch_size
        what = f"within the run of {steps} steps of {settings.batch_size} images"
        raise ValueError(
            f"gate_end {end} must lie {what}; scale gate_start and gate_end with batch_size"
        )
