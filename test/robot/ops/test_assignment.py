# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs are the best, taken together."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from psg_ros.robot.ops.assignment import best_pairs


def test_each_row_and_column_is_used_once_for_the_highest_total():
    table = np.array([[0.9, 0.8], [0.85, 0.2]])
    assert best_pairs(table, 0.1) == [(0, 1), (1, 0)]


def test_pairs_below_the_minimum_are_never_taken():
    assert best_pairs(np.array([[0.9, 0.8], [0.25, 0.2]]), 0.3) == [(0, 0)]
    assert best_pairs(np.array([[0.9, 0.8], [0.3, 0.2]]), 0.3) == [(0, 1), (1, 0)]


def test_nothing_to_choose_from_is_no_pair():
    for shape in ((0, 3), (3, 0), (0, 0)):
        assert best_pairs(np.zeros(shape), 0.3) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_pair(value):
    table = np.full((3, 3), 0.5)
    table[0] = value
    assert best_pairs(table, 0.3) == [(1, 0), (2, 1)]


def test_a_hundred_of_each_are_solved_whatever_they_are():
    steps = np.arange(1, 101) / 100
    for table in (np.ones((100, 100)), np.outer(steps, steps), steps[:, None] - 1e-15 * steps):
        assert len(best_pairs(table, 1e-9)) == 100


def test_no_other_choice_has_a_higher_total():
    rng = np.random.default_rng(5)
    for _ in range(50):
        table = rng.random((4, 4))
        rows, columns = zip(*best_pairs(table, 0.01), strict=True)
        best = table[rows, columns].sum()
        for _ in range(30):
            assert table[np.arange(4), rng.permutation(4)].sum() <= best + 1e-12


def test_it_is_what_scipy_finds():
    optimize = pytest.importorskip("scipy.optimize", reason="the reference")
    rng = np.random.default_rng(0)
    for number in range(400):
        table = rng.random(rng.integers(0, 12, 2))
        table *= rng.random(table.shape) < rng.random()
        if number % 5 == 0:
            table = np.round(table * 3) / 3  # many equal ones
        allowed = np.where(table >= 0.1, table, 0)
        rows, columns = optimize.linear_sum_assignment(allowed, maximize=True)
        found = best_pairs(table, 0.1)
        total = sum(table[pair] for pair in found)
        np.testing.assert_allclose(total, allowed[rows, columns].sum(), atol=1e-12)
        assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)
        if number % 5:
            taken = allowed[rows, columns] > 0
            assert found == list(zip(rows[taken], columns[taken], strict=True))


def test_the_pipeline_does_without_scipy():
    """To import it takes half a second."""
    code = "import sys, psg_ros.robot.pipeline; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
