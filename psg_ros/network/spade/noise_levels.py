# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Levels of noise of a diffusion model, and the ways between them: DDIM and O-BELM.

Sources: Song et al., "Denoising diffusion implicit models", ICLR 2021; Wang et al., "BELM:
Bidirectional explicit linear multi-step sampler for exact inversion in diffusion models", NeurIPS
2024. Level 0 is the clean latent, level `steps` the noisiest one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from psg_ros.network.spade.libraries import library

Noise = Callable[[Tensor, int], Tensor]
"""Returns the noise that a UNet sees in a latent, told the timestep."""

STABLE_DIFFUSION_1 = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
}
"""What Stable Diffusion 1.x was trained with, as diffusers' schedulers take it."""


@dataclass(frozen=True)
class NoiseLevels:
    """The levels that inversion and sampling visit.

    Attributes:
        timesteps: what the UNet is told at each level, rising; 0 at level 0.
        alpha_bar: share of the signal's variance at each level, falling.
    """

    timesteps: tuple[int, ...]
    alpha_bar: tuple[float, ...]

    @classmethod
    def of(cls, steps: int, schedule: dict[str, Any] | None = None) -> NoiseLevels:
        """Return the levels of a run of so many steps, as diffusers' DDIMScheduler has them."""
        scheduler = library("diffusers").DDIMScheduler(**(schedule or STABLE_DIFFUSION_1))
        scheduler.set_timesteps(steps)
        timesteps = scheduler.timesteps.flip(0)
        shares = [float(scheduler.final_alpha_cumprod), *scheduler.alphas_cumprod[timesteps]]
        return cls((0, *timesteps.tolist()), tuple(map(float, shares)))

    @property
    def top(self) -> int:
        """Return the noisiest level."""
        return len(self.timesteps) - 1

    def ddim(self, x: Tensor, noise: Tensor, start: int, end: int) -> Tensor:
        """Return the latent at another level, with all of the noise seen in it at `start`."""
        a, b = self.alpha_bar[start], self.alpha_bar[end]
        clean = (x - math.sqrt(1 - a) * noise) / math.sqrt(a)
        return math.sqrt(b) * clean + math.sqrt(1 - b) * noise

    def spread(self, level: int) -> float:
        """Return the noise per signal, s."""
        return math.sqrt((1 - self.alpha_bar[level]) / self.alpha_bar[level])

    def scale(self, level: int) -> float:
        """Return the factor of the signal at a level."""
        return math.sqrt(self.alpha_bar[level])


@dataclass(frozen=True)
class Noisy:
    """End of an inversion.

    Attributes:
        latent: at the noisiest level.
        before: at the level before it. With both, O-BELM goes back exactly; None: as with DDIM, the
            first step back is one of DDIM.
    """

    latent: Tensor
    before: Tensor | None = None


def invert(
    levels: NoiseLevels, latent: Tensor, noise: Noise, sampler: str, label: str = "target"
) -> Noisy:
    """Return the noise that a clean latent came from.

    Args:
        sampler: `belm` or `ddim`.
        label: `target` or `source`, see `CalibrationConfig.inversion_label`.
    """
    ahead = 1 if label == "target" else 0
    first = levels.ddim(latent, noise(latent, levels.timesteps[ahead]), 0, 1)
    before, x = latent, first
    for level in range(1, levels.top):
        if sampler == "ddim":
            seen = noise(x, levels.timesteps[level + ahead])
            before, x = x, levels.ddim(x, seen, level, level + 1)
        else:
            seen = noise(x, levels.timesteps[level])
            before, x = x, belm(levels, before, x, seen, level, level + 1)
    return Noisy(x, before if sampler == "belm" else None)


def sample(levels: NoiseLevels, noisy: Noisy, noise: Noise, sampler: str) -> Tensor:
    """Return the clean latent that noise leads to."""
    top, x = levels.top, noisy.latent
    if sampler == "ddim":
        for level in range(top, 0, -1):
            x = levels.ddim(x, noise(x, levels.timesteps[level]), level, level - 1)
        return x
    before = noisy.latent
    if noisy.before is None:
        x = levels.ddim(before, noise(before, levels.timesteps[top]), top, top - 1)
    else:
        x = noisy.before
    for level in range(top - 1, 0, -1):
        seen = noise(x, levels.timesteps[level])
        before, x = x, belm(levels, before, x, seen, level, level - 1)
    return x


def belm(
    levels: NoiseLevels, before: Tensor, x: Tensor, noise: Tensor, level: int, end: int
) -> Tensor:
    """Return the latent at the next level in either direction, of the last two.

    Args:
        before: the latent at the level on the other side of `level`.
        end: `level + 1` or `level - 1`.
    """
    start = 2 * level - end
    taken = levels.spread(level) - levels.spread(start)
    ahead = levels.spread(end) - levels.spread(level)
    ratio = ahead / taken
    scaled = (
        ratio**2 * before / levels.scale(start)
        + (1 - ratio**2) * x / levels.scale(level)
        + ahead * (1 + ratio) * noise
    )
    return scaled * levels.scale(end)
