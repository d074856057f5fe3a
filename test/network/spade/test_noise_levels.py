# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ways between levels of noise, with a noise model whose answer is known."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

pytest.importorskip("diffusers")

from psg_ros.network.spade.config import CalibrationConfig
from psg_ros.network.spade.libraries import library
from psg_ros.network.spade.noise_levels import (
    STABLE_DIFFUSION_1,
    Noise,
    NoiseLevels,
    Noisy,
    invert,
    sample,
)

SPREAD = 0.6
"""Deviation of the clean values in the closed form."""


def closed_form(levels: NoiseLevels) -> Noise:
    """Return the noise that a perfect UNet sees in normal values of deviation SPREAD."""
    alpha_bar = dict(zip(levels.timesteps, levels.alpha_bar, strict=True))

    def noise(x: torch.Tensor, timestep: int) -> torch.Tensor:
        share = alpha_bar[timestep]
        return x * math.sqrt(1 - share) / (share * SPREAD**2 + 1 - share)

    return noise


def latents() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return SPREAD * torch.randn(200, dtype=torch.float64, generator=generator)


def round_trip(steps: int, sampler: str, label: str = "target", *, keep: bool = True) -> float:
    """Return the largest error after all the way up and down."""
    levels = NoiseLevels.of(steps)
    noise, clean = closed_form(levels), latents()
    noisy = invert(levels, clean, noise, sampler, label)
    back = sample(levels, noisy if keep else Noisy(noisy.latent), noise, sampler)
    return float((back - clean).abs().max())


def test_the_schedule_is_that_of_stable_diffusion_1() -> None:
    alpha_bar = library("diffusers").DDIMScheduler(**STABLE_DIFFUSION_1).alphas_cumprod
    assert alpha_bar[[0, 1, 500, 999]].tolist() == pytest.approx(
        [0.99915000, 0.99829603, 0.27633268, 0.00466010], abs=1e-6
    )


@pytest.mark.parametrize("label", ["target", "source"])
def test_the_round_trip_of_ddim_is_better_with_more_steps(label: str) -> None:
    errors = [round_trip(steps, "ddim", label) for steps in (10, 50, 200)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 0


def test_inversion_leads_to_the_noise_that_the_closed_form_says() -> None:
    """The exact flow takes normal values of one deviation to those of another."""
    errors = []
    for steps in (20, 100):
        levels, clean = NoiseLevels.of(steps), latents()
        first, last = levels.alpha_bar[0], levels.alpha_bar[-1]
        clean_spread, noisy_spread = (
            math.sqrt(share * SPREAD**2 + 1 - share) for share in (first, last)
        )
        exact = clean * noisy_spread / clean_spread
        for sampler in ("ddim", "belm"):
            noisy = invert(levels, clean, closed_form(levels), sampler)
            errors.append(float((noisy.latent - exact).abs().max()))
    assert errors[2] < 0.4 * errors[0] and errors[3] < 0.4 * errors[1]


def test_belm_is_exact_where_both_last_states_are_kept() -> None:
    assert round_trip(20, "belm") < 1e-10


def test_belm_is_not_exact_without_the_state_before_the_last() -> None:
    assert round_trip(20, "belm", keep=False) > 1e-4


@pytest.mark.parametrize("steps", [7, 50])
def test_ddim_moves_as_the_schedulers_of_diffusers_do(steps: int) -> None:
    diffusers, levels = library("diffusers"), NoiseLevels.of(steps)
    forward: Any = diffusers.DDIMScheduler(**STABLE_DIFFUSION_1)
    inverse: Any = diffusers.DDIMInverseScheduler.from_config(forward.config)
    for scheduler in (forward, inverse):
        scheduler.set_timesteps(steps)
    x = latents()
    for level in range(levels.top):
        seen, up = torch.sin(7 * x), levels.timesteps[level + 1]
        library_up = inverse.step(seen, up, x).prev_sample
        torch.testing.assert_close(levels.ddim(x, seen, level, level + 1), library_up)
        library_down = forward.step(seen, up, x).prev_sample
        torch.testing.assert_close(levels.ddim(x, seen, level + 1, level), library_down)


def test_as_many_steps_as_are_allowed_stay_within_the_schedule() -> None:
    most = dataclasses.fields(CalibrationConfig)[0].metadata["maximum"]
    assert NoiseLevels.of(most).timesteps[-1] == 999


def test_the_noisier_label_is_the_better_one() -> None:
    assert round_trip(50, "ddim", "target") < 0.8 * round_trip(50, "ddim", "source")
