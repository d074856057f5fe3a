# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning rates warm up and fall; masked attention goes, the earliest block first."""

import math
from dataclasses import replace

import pytest

from psg_ros.training.config import Phase, SegmentationTraining
from psg_ros.training.schedule import gate_probabilities, gate_stretches, rate_factors

SETTINGS = SegmentationTraining(
    phases=(Phase((32, 32), 6), Phase((32, 48), 6)), batch_size=2, warmup_samples=4
)
POLY = replace(SETTINGS, schedule="poly", phases=(Phase((32, 32), 112),))
UNTIL_THE_END = replace(SETTINGS, gate_until=1.0)


def gates(progress: float, num_blocks: int) -> list[float]:
    return gate_probabilities(12 * progress, gate_stretches(UNTIL_THE_END, num_blocks))


def test_gates_are_all_closed_at_first_and_all_open_at_the_end():
    assert gates(0.0, 3) == [1, 1, 1]
    assert gates(1.0, 3) == [0, 0, 0]
    assert gates(1.7, 3) == [0, 0, 0]


def test_earlier_blocks_lose_their_gates_earlier_one_after_the_other():
    assert gates(0.5, 3) == [0, pytest.approx(0.5**0.9), 1]
    assert gates(1 / 3, 3) == pytest.approx([0, 1, 1])
    steps = [gates(i / 50, 3) for i in range(51)]
    for before, after in zip(steps, steps[1:], strict=False):
        assert all(b >= a for b, a in zip(before, after, strict=True)), "never closes again"
        assert after == sorted(after)


def test_gates_may_go_at_stated_steps():
    settings = replace(SETTINGS, batch_size=16, gate_start=(0, 100), gate_end=(30, 200))
    stretches = gate_stretches(settings, 2)
    assert gate_probabilities(0, stretches) == [1, 1]
    assert gate_probabilities(16 * 10, stretches) == [pytest.approx((2 / 3) ** 0.9), 1]
    assert gate_probabilities(16 * 175, stretches) == [0, pytest.approx(0.25**0.9)]
    assert gate_probabilities(16 * 200, stretches) == [0, 0]


def test_a_gate_may_go_at_once():
    settings = replace(SETTINGS, batch_size=1, gate_start=(5,), gate_end=(5,))
    assert [gate_probabilities(seen, gate_stretches(settings, 1)) for seen in (4, 5)] == [[1], [0]]


def test_the_cosine_warms_up_then_falls_to_zero():
    both = [rate_factors(SETTINGS, seen) for seen in range(13)]
    assert all(backbone == others for backbone, others in both)
    rates = [others for _, others in both]
    assert rates[0] == pytest.approx(0.25)
    assert rates[1] == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi / 12)))
    assert rates.index(max(rates)) == 3, "warmup_samples is 4"
    assert rates[6] == pytest.approx(0.5) and rates[12] == pytest.approx(0)


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
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
