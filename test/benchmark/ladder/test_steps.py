# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder is what it says: one switch a step, the paper's figures beside it."""

import dataclasses

import pytest

from psg_ros.benchmark.ladder.steps import STEPS, choose_steps

DESCRIPTION = {"name", "number", "title", "before", "published"}
BY_NAME = {step.name: step for step in STEPS}


@pytest.mark.parametrize("step", STEPS[1:], ids=lambda step: step.name)
def test_each_step_differs_in_one_switch_from_one_above_it(step):
    before = BY_NAME[step.before]
    assert STEPS.index(before) < STEPS.index(step)
    differing = [
        field.name
        for field in dataclasses.fields(step)
        if field.name not in DESCRIPTION
        and getattr(step, field.name) != getattr(before, field.name)
    ]
    assert len(differing) == 1, differing


def test_names_and_numbers_are_unique():
    assert len(BY_NAME) == len({step.number for step in STEPS}) == len(STEPS)


def test_published_latencies_are_those_of_the_paper():
    names = ("dsformer", "shared", "per_mask", "both_ways", "raw", "prune", "tome")
    figures = [BY_NAME[name].published.rtx_3090_ms for name in names]
    assert figures == [458, 41, 37, 29, 23, 29, 30]
    h100 = [BY_NAME[name].published.h100_ms for name in ("both_ways", "prune", "tome")]
    assert h100 == [19, 20, 20]


def test_chosen_steps_keep_the_order_of_the_ladder():
    assert [step.name for step in choose_steps(["packed", "shared"])] == ["shared", "packed"]
    assert choose_steps([]) == STEPS


def test_unknown_step_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no step 'pack'; known: dsformer, shared"):
        choose_steps(["pack"])
