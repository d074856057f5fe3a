# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All of stage 1 at toy scale: a UNet learns to draw two things from their names, then to see them.

pytest -m nightly -s test/training/spade/test_stage_1_toy.py    # prints the curve
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

pytest.importorskip("diffusers")
pytest.importorskip("peft")

from tiny_spade import T1, T1_TOKENS, T1_WIDTH, seeded, t1_models

from psg_ros.network.spade.config import CalibrationConfig
from psg_ros.network.spade.frozen import FrozenModels
from psg_ros.network.spade.libraries import library
from psg_ros.network.spade.noise_levels import STABLE_DIFFUSION_1
from psg_ros.training.spade.calibration import Lesson, Teacher, calibrate, student_loss
from psg_ros.training.spade.teacher_maps import MapCache, Prompt

COLOURS = {
    "mug": (230, 30, 30),
    "lamp": (30, 230, 30),
    "book": (30, 30, 230),
    "fork": (230, 230, 30),
}
PRETRAINING, BATCH, TRAINED, HELD_OUT = 300, 8, 12, 6
SETTINGS = CalibrationConfig(
    inversion_steps=20, map_size=16, warmup_steps=10, learning_rate=3e-3, lora_rank=4,
    lora_alpha=4.0, accumulate=4, epochs=25,
)  # fmt: skip
TABLE = torch.randn(len(COLOURS) + 3, T1_WIDTH, generator=seeded(11))
"""Vectors of the words, and of the start, of "is beside", of the end."""


def scene(seed: int) -> Lesson:
    """Return two things in two halves of a grey image, and their names in the order left, right."""
    generator = seeded(1000 + seed)
    names = torch.randperm(len(COLOURS), generator=generator)[:2].tolist()
    image = torch.full((1, 3, 128, 128), 120, dtype=torch.uint8)
    for half, name in enumerate(names):
        row, column, size = torch.randint(8, 32, (3,), generator=generator).tolist()
        colour = torch.tensor(list(COLOURS.values())[name], dtype=torch.uint8)
        left = 64 * half + column // 2
        image[0, :, row : row + size + 24, left : left + size // 2 + 24] = colour[:, None, None]
    start, verb, end = range(len(COLOURS), len(COLOURS) + 3)
    tokens = torch.tensor([start, names[0], verb, names[1]] + [end] * (T1_TOKENS - 4))
    content = (torch.arange(T1_TOKENS) > 0) & (torch.arange(T1_TOKENS) < 5)
    return Lesson(image, Prompt(f"{names} {seed}", TABLE[tokens], content))


def pretrain(models: FrozenModels, lessons: list[Lesson]) -> list[float]:
    """Teach the UNet to take noise off, told the prompt; return its losses."""
    latents = torch.cat([models.latent(lesson.image) for lesson in lessons])
    models.vae.register_to_config(scaling_factor=models.vae.config.scaling_factor / latents.std())
    latents = latents / latents.std()
    shares = library("diffusers").DDIMScheduler(**STABLE_DIFFUSION_1).alphas_cumprod
    contexts = torch.stack([lesson.prompt.context for lesson in lessons])
    models.unet.requires_grad_(True)
    models.unet.disable_adapters()
    optimizer = torch.optim.AdamW(models.unet.parameters(), lr=1e-3)
    generator, losses = seeded(12), []
    for _ in range(PRETRAINING):
        chosen = torch.randint(len(lessons), (BATCH,), generator=generator)
        steps = torch.randint(len(shares), (BATCH,), generator=generator)
        noise = torch.randn(BATCH, *latents.shape[1:], generator=generator)
        share = shares[steps].view(-1, 1, 1, 1)
        mixed = share.sqrt() * latents[chosen] + (1 - share).sqrt() * noise
        seen = models.unet(mixed, steps, contexts[chosen], return_dict=False)[0]
        loss = (seen - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    models.unet.requires_grad_(False)
    models.unet.enable_adapters()
    for value in models.lora.values():
        value.requires_grad_(True)
    return losses


@pytest.mark.nightly
def test_a_student_learns_to_see_what_the_teacher_was_told(tmp_path: Path) -> None:
    models = t1_models(dataclasses.replace(T1, image_size=128, calibration=SETTINGS))
    lessons = [scene(seed) for seed in range(TRAINED + HELD_OUT)]
    losses = pretrain(models, lessons)
    assert sum(losses[-50:]) < 0.6 * sum(losses[:50])
    held_out = lessons[TRAINED:]
    cache = MapCache(tmp_path, SETTINGS, "toy")
    teachers = [Teacher(models, cache).maps(lesson) for lesson in held_out]

    def of_held_out() -> float:
        with torch.no_grad():
            pairs = zip(held_out, teachers, strict=True)
            return float(torch.stack([student_loss(models, *pair) for pair in pairs]).mean())

    before, curve_held_out = of_held_out(), []
    curve = calibrate(
        models,
        lessons[:TRAINED],
        cache=cache,
        epoch_done=lambda epoch, loss: curve_held_out.append(of_held_out()),
    )
    print(f"\npretraining {losses[0]:.3f} -> {sum(losses[-50:]) / 50:.3f}")
    print(f"held out before: {before:.5f}")
    for epoch, (own, other) in enumerate(zip(curve, curve_held_out, strict=True)):
        print(f"epoch {epoch + 1:2}: trained {own:.5f}, held out {other:.5f}")
    assert curve[-1] < 0.7 * curve[0]
    assert curve_held_out[-1] < 0.9 * before
