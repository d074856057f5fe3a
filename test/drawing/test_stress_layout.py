# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distances in the layout follow distances in the graph."""

import numpy as np
import pytest

from psg_ros.drawing.stress_layout import stress_layout


def distances(points):
    return np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))


def test_a_chain_becomes_a_vertical_line_in_order():
    start = np.random.default_rng(0).uniform(0, 100, (4, 2))
    points = stress_layout(start, np.array([[0, 1], [1, 2], [2, 3]]))
    assert distances(points)[0] == pytest.approx([0, 1, 2, 3], abs=0.05)
    assert abs(points[3, 1] - points[0, 1]) > 2.9


def test_a_star_has_its_hub_in_the_middle():
    start = np.random.default_rng(1).uniform(0, 100, (6, 2))
    points = stress_layout(start, np.array([[0, leaf] for leaf in range(1, 6)]))
    assert np.hypot(*points[0]) < 0.2


def test_the_direction_of_the_image_is_kept():
    start = np.array([[50.0, 10.0], [40.0, 90.0]])
    points = stress_layout(start, np.array([[0, 1]]))
    assert points[0, 1] < points[1, 1]
    mirrored = stress_layout(start[::-1], np.array([[0, 1]]))
    assert mirrored[0, 1] > mirrored[1, 1]


def test_nodes_on_one_spot_are_parted():
    points = stress_layout(np.zeros((5, 2)), np.array([[0, 1], [1, 2], [3, 4]]))
    apart = distances(points)[np.triu_indices(5, 1)]
    assert apart.min() > 0.3 and np.isfinite(points).all()
