# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of stage 1 that cannot work, refused before anything is read or written."""

from __future__ import annotations

from psg_ros.network.segmenter_config import SegmenterConfig
from psg_ros.network.segmenters.table import SEGMENTERS
from psg_ros.training.config import SegmentationTraining

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
    _check_points(settings)
    _check_phases(settings, network)
    _check_batch(settings, num_images, num_ranks)
    _check_ranks(settings, num_ranks)
    total = sum(phase.samples for phase in settings.phases)
    _check_warmup(settings, total)
    _check_own_settings(settings, network)
    network.check_training(settings)


def _check_points(settings: SegmentationTraining) -> None:
    if 0 < settings.points < MIN_POINTS:
        raise ValueError(f"points must be 0 or {MIN_POINTS} or more, not {settings.points}")


def _check_phases(settings: SegmentationTraining, network: SegmenterConfig) -> None:
    if sum(phase.samples for phase in settings.phases) < 1:
        raise ValueError("segmentation.phases has no samples: list at least one phase")
    for phase in settings.phases:
        if any(size % network.input_step or size < 1 for size in phase.input_hw):
            what = f"multiples of {network.input_step} px"
            raise ValueError(f"input_hw {phase.input_hw} of a phase must be {what}")


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


def _check_ranks(settings: SegmentationTraining, num_ranks: int) -> None:
    if settings.stem_frozen_samples and num_ranks > 1:
        raise ValueError(
            "stem_frozen_samples must be 0 with several processes: they share the gradients of all "
            "parameters from the start"
        )


def _check_warmup(settings: SegmentationTraining, total: int) -> None:
    warmup = settings.warmup_samples + settings.backbone_warmup_samples
    if warmup >= total:
        raise ValueError(
            f"the warmup of {warmup} samples must be shorter than the run of {total}: lower "
            "warmup_samples, or train on more samples"
        )


def _check_own_settings(settings: SegmentationTraining, network: SegmenterConfig) -> None:
    """Refuse settings that this segmenter does not read: they would seem to do something."""
    owned = {name for kind in SEGMENTERS.values() for name in kind.config.own_settings}
    for name in sorted(owned - set(network.own_settings)):
        if getattr(settings, name) != getattr(SegmentationTraining, name):
            raise ValueError(
                f"{name} is not a setting of the segmenter {network.type}; leave it out"
            )
    if settings.semantic_weight and not network.mask_width:
        what = f"must be 0: the segmenter {network.type} gives no mask features"
        raise ValueError(f"semantic_weight {what}")
