# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs of equal pixels."""

from __future__ import annotations

import numpy as np

from psg_ros.robot.ops.runs import find_runs

MAP = np.array([[0, 0, 1, -1, -1], [1, 1, 1, 1, 1]], np.int32)


def test_runs_end_with_the_row_and_leave_void_out():
    runs = np.stack(find_runs(MAP), axis=1)
    assert runs.tolist() == [[0, 0, 0, 2], [1, 0, 2, 3], [1, 1, 0, 5]]


def test_runs_are_cut_before_every_given_column():
    runs = np.stack(find_runs(MAP, cut_every=2), axis=1)
    assert runs.tolist() == [[0, 0, 0, 2], [1, 0, 2, 3], [1, 1, 0, 2], [1, 1, 2, 4], [1, 1, 4, 5]]


def test_painting_the_runs_gives_the_map_back():
    rng = np.random.default_rng(0)
    label_map = rng.integers(-1, 3, (20, 31)).astype(np.int32)
    painted = np.full_like(label_map, -1)
    for segment, row, left, right in zip(*find_runs(label_map[:, ::1]), strict=True):
        painted[row, left:right] = segment
    np.testing.assert_array_equal(painted, label_map)


def test_a_window_of_a_larger_map_is_read_right():
    large = np.arange(48, dtype=np.int32).reshape(6, 8) // 3
    window = large[:4, :5]
    np.testing.assert_array_equal(
        np.stack(find_runs(window)), np.stack(find_runs(np.ascontiguousarray(window)))
    )
