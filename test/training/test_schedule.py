# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning rates warm up and fall."""

import math
from dataclasses import replace

import pytest

from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.schedule import rate_factors

SETTINGS = SegmentationTraining(
    phases=(Phase((32, 32), 6), Phase((32, 48), 6)), batch_size=2, warmup_samples=4
)
POLY = replace(SETTINGS, schedule="poly", phases=(Phase((32, 32), 112),))


def test_the_cosine_warms_up_then_falls_to_zero():
    both = [rate_factors(SETTINGS, seen) for seen in range(13)]
    assert all(backbone == others for backbone, others in both)
    rates = [others for _, others in both]
    assert rates[0] == pytest.approx(0.25)
    assert rates[1] == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi / 12)))
    assert rates.index(max(rates)) == 3, "warmup_samples is 4"
    assert rates[6] == pytest.approx(0.5) and rates[12] == pytest.approx(0)


def test_the_steps_are_two_near_the_end():
    settings = replace(
        SETTINGS, schedule="steps", warmup_samples=0, phases=(Phase((32, 32), 1000),)
    )
    rates = [rate_factors(settings, seen)[1] for seen in (0, 888, 889, 962, 963, 999)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("schedule", ["cosine", "poly", "steps"])
def test_without_warmup_the_full_rate_is_there_at_once(schedule):
    assert rate_factors(replace(SETTINGS, schedule=schedule, warmup_samples=0), 0) == (1, 1)


def test_the_polynomial_rises_linearly_and_falls_with_its_power():
    settings = replace(POLY, warmup_samples=12)
    rates = [rate_factors(settings, seen)[1] for seen in (0, 3, 12, 62, 112, 120)]
    assert rates == pytest.approx([0, 0.25, 1, 0.5**0.9, 0, 0])


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
def test_the_backbone_waits_for_the_warmup_of_the_rest(schedule):
    settings = replace(POLY, schedule=schedule, warmup_samples=4, backbone_warmup_samples=8)
    pairs = [rate_factors(settings, seen) for seen in range(112)]
    assert all(backbone == 0 < others for backbone, others in pairs[1:4])
    rising = [backbone for backbone, _ in pairs[4:12]]
    assert rising == sorted(rising) and rising[0] < 0.2
    assert max(range(112), key=lambda seen: pairs[seen][0]) in (11, 12)


def test_each_polynomial_runs_from_the_end_of_its_own_warmup():
    settings = replace(POLY, warmup_samples=4, backbone_warmup_samples=8)
    assert rate_factors(settings, 62) == pytest.approx((0.5**0.9, (50 / 108) ** 0.9))
