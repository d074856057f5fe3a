# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of stage 1 that cannot work, refused before anything is read or written."""

from __future__ import annotations

from psg_ros.modeling.config import SegmenterConfig
from psg_ros.training.augmentation import AUGMENTATIONS
from psg_ros.training.config import SegmentationTraining

CHOICES = {
    "precision": ("bfloat16", "float32"),
    "schedule": ("cosine", "poly"),
    "augmentation": tuple(AUGMENTATIONS),
}
LEAST = {
    "batch_size": 1,
    "accumulate": 1,
    "points": 0,
    "workers": 0,
    "warmup_samples": 0,
    "backbone_warmup_samples": 0,
    "min_segment_px": 0,
    "weight_decay": 0,
    "class_weight": 0,
    "mask_weight": 0,
    "dice_weight": 0,
    "semantic_weight": 0,
    "balance": 0,
    "stem_frozen_samples": 0,
    "stem_rate": 0,
}
MIN_POINTS = 4  # three quarters of fewer are not a whole number of points


def check_settings(
    settings: SegmentationTraining,
    network: SegmenterConfig,
    num_images: int,
    num_ranks: int = 1,
) -> None:
    """Refuse settings that cannot work with this network, data set and number of processes.

    Raises:
        ValueError: names the setting, what it is and what it must be.
    """
    _check_values(settings)
    _check_phases(settings, network)
    _check_batch(settings, num_images, num_ranks)
    _check_stem(settings, network, num_ranks)
    total = sum(phase.samples for phase in settings.phases)
    _check_warmup(settings, total)
    _check_gates(settings, network.num_query_blocks, total)


def _check_values(settings: SegmentationTraining) -> None:
    for name, choices in CHOICES.items():
        value = getattr(settings, name)
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    for name, least in LEAST.items():
        if not getattr(settings, name) >= least:
            raise ValueError(f"{name} must be {least} or more, not {getattr(settings, name)}")
    for name in ("learning_rate", "clip_norm", "no_object_weight"):
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name} must be above 0, not {getattr(settings, name)}")
    if not 0 < settings.layer_decay <= 1:
        raise ValueError(f"layer_decay must lie above 0 and up to 1, not {settings.layer_decay}")
    for name in ("average", "beta2"):
        if not 0 <= getattr(settings, name) < 1:
            raise ValueError(
                f"{name} must lie in 0 .. 1 (exclusive), not {getattr(settings, name)}"
            )
    if 0 < settings.points < MIN_POINTS:
        raise ValueError(f"points must be 0 or {MIN_POINTS} or more, not {settings.points}")


def _check_phases(settings: SegmentationTraining, network: SegmenterConfig) -> None:
    if sum(phase.samples for phase in settings.phases) < 1:
        raise ValueError("segmentation.phases has no samples: list at least one phase")
    for phase in settings.phases:
        if phase.samples < 0:
            raise ValueError(f"samples of a phase must be 0 or more, not {phase.samples}")
        if any(size % network.patch_size or size < 1 for size in phase.input_hw):
            what = f"multiples of {network.patch_size} px"
            raise ValueError(f"input_hw {phase.input_hw} of a phase must be {what}")
        if network.position == "learned" and phase.input_hw != network.input_hw:
            what = f"must be the network's {network.input_hw}: its positions are learned"
            raise ValueError(f"input_hw {phase.input_hw} of a phase {what}")


def _check_batch(settings: SegmentationTraining, num_images: int, num_ranks: int) -> None:
    size, parts = settings.batch_size, settings.accumulate
    if size > num_images:
        raise ValueError(f"batch_size {size} exceeds the {num_images} images")
    if size % num_ranks:
        what = f"cannot be shared evenly by {num_ranks} processes"
        raise ValueError(f"batch_size {size} {what}; choose a multiple of {num_ranks}")
    if size // num_ranks < parts:
        have = f"a process's {size // num_ranks} images of a step"
        raise ValueError(f"accumulate {parts} exceeds {have}; choose at most as many parts")


def _check_stem(settings: SegmentationTraining, network: SegmenterConfig, num_ranks: int) -> None:
    """Refuse what only a pretrained stem has, and what torch cannot divide among processes."""
    if not settings.stem_rate <= 1:
        raise ValueError(f"stem_rate must be 1 or less, not {settings.stem_rate}")
    for name in ("stem_weights", "graft_from", "stem_frozen_samples"):
        if getattr(settings, name) and not network.stem.startswith("efficientnet"):
            what = f"a pretrained stem, as efficientnet_lite2; the network has {network.stem}"
            raise ValueError(f"{name} {getattr(settings, name)} is for {what}")
    if settings.stem_frozen_samples and num_ranks > 1:
        raise ValueError(
            "stem_frozen_samples must be 0 with several processes: they share the gradients of all "
            "parameters from the start"
        )


def _check_warmup(settings: SegmentationTraining, total: int) -> None:
    warmup = settings.warmup_samples + settings.backbone_warmup_samples
    if warmup >= total:
        raise ValueError(f"the warmup of {warmup} samples must be shorter than the run of {total}")


def _check_gates(settings: SegmentationTraining, num_blocks: int, total: int) -> None:
    """Refuse masked attention that never ends: inference has none, and would not show why."""
    if not 0 <= settings.gate_until <= 1:
        raise ValueError(f"gate_until must lie in 0 .. 1, not {settings.gate_until}")
    start, end = settings.gate_start, settings.gate_end
    if not start and not end:
        return
    if len(start) != num_blocks or len(end) != num_blocks:
        what = f"one step for each of the {num_blocks} query blocks, or be empty"
        raise ValueError(f"gate_start and gate_end must have {what}, not {start} and {end}")
    if any(first < 0 or first > last for first, last in zip(start, end, strict=True)):
        raise ValueError(f"gate_start {start} must lie before gate_end {end}")
    if max(end) * settings.batch_size > total:
        steps = f"{total // settings.batch_size} steps of {settings.batch_size} images"
        what = f"within the run of {steps}; scale gate_start and gate_end with batch_size"
        raise ValueError(f"gate_end {end} must lie {what}")
