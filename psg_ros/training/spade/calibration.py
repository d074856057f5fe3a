# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: the UNet learns to see in an image alone what it saw in image and relations together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from psg_ros.network.spade.attention_maps import merge_maps, recording, resized
from psg_ros.network.spade.config import CalibrationConfig
from psg_ros.network.spade.frozen import FrozenModels
from psg_ros.network.spade.noise_levels import NoiseLevels
from psg_ros.training.spade.teacher_maps import MapCache, Maps, Prompt, teacher_maps

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lesson:
    """One image and its relations.

    Attributes:
        image: uint8, RGB.
    """

    image: UInt8[Tensor, "1 3 h w"]
    prompt: Prompt


def calibration_loss(
    student: Maps, teacher: Maps, content: Bool[Tensor, "batch token"], tokens: str
) -> Float[Tensor, ""]:
    """Return the mean absolute difference of the maps, averaged over the grids.

    Args:
        tokens: `content` leaves out the others, see `CalibrationConfig.map_tokens`.
    """
    counted = content if tokens == "content" else torch.ones_like(content)
    losses = []
    for own, wanted in zip(student, teacher, strict=True):
        difference = (own - wanted.to(own)).abs().mean((2, 3))
        losses.append((difference * counted).sum() / counted.sum().clamp(min=1))
    return torch.stack(losses).mean()


class Teacher:
    """The UNet as it was, whatever its student has learned since; gives the maps of lessons.

    Args:
        cache: keeps the maps on disk: of a large data set they do not fit into memory.
    """

    def __init__(self, models: FrozenModels, cache: MapCache) -> None:
        self._models, self._cache = models, cache
        self._levels = NoiseLevels.of(models.config.calibration.inversion_steps)

    def maps(self, lesson: Lesson) -> Maps:
        """Return the maps of an image, of the cache where it has them."""
        maps = self._cache.read(lesson.image, lesson.prompt.text)
        if maps is None:
            maps = self._look(lesson)
            self._cache.write(lesson.image, lesson.prompt.text, maps)
        return maps

    def _look(self, lesson: Lesson) -> Maps:
        models, context = self._models, lesson.prompt.context[None]
        latent = models.latent(lesson.image)
        models.unet.disable_adapters()
        try:
            return teacher_maps(
                models.unet, latent, context, self._levels, models.config.calibration
            )
        finally:
            models.unet.enable_adapters()


def student_loss(models: FrozenModels, lesson: Lesson, teacher: Maps) -> Float[Tensor, ""]:
    """Return the weighted loss of one image, with its gradient for adapter and matrices."""
    config = models.config.calibration
    latent, context = models.latent(lesson.image), models.context(lesson.image)
    timestep = torch.full((1,), config.student_t)
    with recording(models.unet, config.map_places) as recorders:
        models.unet(latent, timestep, context)
        student = merge_maps(recorders, config.map_size, config.map_merge)
    wanted = tuple(resized(one, own.shape[-1]) for one, own in zip(teacher, student, strict=True))
    content = lesson.prompt.content[None]
    return config.loss_weight * calibration_loss(student, wanted, content, config.map_tokens)


def calibrate(
    models: FrozenModels,
    lessons: Sequence[Lesson],
    *,
    cache: MapCache,
    seed: int = 0,
    epoch_done: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train adapter and low-rank matrices in place; return the mean loss of each epoch.

    Args:
        lessons: each is asked for once an epoch and not kept.
        cache: of the teacher's maps; those that it lacks are made in the first epoch.
        epoch_done: called after each epoch with its number, from 0, and its loss.

    Raises:
        ValueError: no lessons, or an adapter of a single token, whose maps are 1 everywhere.
        FloatingPointError: the loss is not finite.
    """
    config = models.config.calibration
    if not lessons:
        raise ValueError("stage 1 of SPADE needs at least one image with relations")
    if config.adapter == "linear":
        raise ValueError("adapter linear has one token, to which all attention goes: nothing to "
                         "calibrate; take compact or full")  # fmt: skip
    teacher = Teacher(models, cache)
    parameters = list(models.calibrated().values())
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _warmed(step, config))
    generator, curve = torch.Generator().manual_seed(seed), []
    for epoch in range(config.epochs):
        total = 0.0
        for batch in torch.randperm(len(lessons), generator=generator).split(config.accumulate):
            optimizer.zero_grad()
            for index in batch.tolist():
                lesson = lessons[index]
                loss = student_loss(models, lesson, teacher.maps(lesson))
                if not loss.isfinite():
                    raise FloatingPointError(
                        f"the loss of image {index} is not finite; lower learning_rate "
                        f"{config.learning_rate}"
                    )
                (loss / len(batch)).backward()
                total += loss.item()
            nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
            warmup.step()
        curve.append(total / len(lessons))
        logger.info("SPADE stage 1, epoch %d of %d: %.5f", epoch + 1, config.epochs, curve[-1])
        if epoch_done is not None:
            epoch_done(epoch, curve[-1])
    return curve


def _warmed(step: int, config: CalibrationConfig) -> float:
    return min(1.0, (step + 1) / (config.warmup_steps + 1))
