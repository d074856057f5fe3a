# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masked attention of EoMT goes in the course of a run, the earliest block first."""

from dataclasses import replace

import pytest

from psg_ros.network.segmenters.eomt_training import (
    OWN_SETTINGS,
    gate_probabilities,
    gate_stretches,
)
from psg_ros.training.config import Phase, SegmentationTraining

SETTINGS = SegmentationTraining(phases=(Phase((32, 32), 6), Phase((32, 48), 6)), batch_size=2)
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


def test_its_own_settings_are_settings_of_stage_1():
    assert set(OWN_SETTINGS) <= set(SegmentationTraining.__dataclass_fields__)
