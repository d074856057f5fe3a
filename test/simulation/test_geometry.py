# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turns, rods and surfaces of revolution."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.simulation.geometry import (
    UNTURNED,
    capsule,
    combine,
    lathe,
    rotate,
    turn,
    z_towards,
)


def test_a_turn_is_right_handed():
    np.testing.assert_allclose(rotate(turn((0, 0, 1), 90), (1, 0, 0)), (0, 1, 0), atol=1e-12)


def test_the_last_of_combined_turns_comes_first():
    quat = combine(turn((0, 0, 1), 90), turn((1, 0, 0), 90))
    expected = rotate(turn((0, 0, 1), 90), rotate(turn((1, 0, 0), 90), (0, 1, 0)))
    np.testing.assert_allclose(rotate(quat, (0, 1, 0)), expected, atol=1e-12)
    assert combine() == UNTURNED


@pytest.mark.parametrize("direction", [(0, 0, 1), (0, 0, -1), (1, 0, 0), (1, -2, 3), (0, 1, -5)])
def test_z_is_brought_to_any_direction(direction):
    unit = np.asarray(direction) / np.linalg.norm(direction)
    np.testing.assert_allclose(rotate(z_towards(np.asarray(direction)), (0, 0, 1)), unit, atol=1e-9)


def test_a_rod_reaches_from_point_to_point():
    rod = capsule("r", 0.1, (1, 2, 3), (3, 2, 3))
    end = np.asarray(rod.pos) + rotate(rod.quat, (0, 0, rod.size[1]))
    np.testing.assert_allclose(end, (3, 2, 3), atol=1e-12)


def test_a_turned_cylinder_has_its_faces_outside():
    """The volume by the divergence theorem is positive only if the faces look outwards."""
    profile = np.array([(0, 0), (0.5, 0), (0.5, 2), (0, 2)])
    mesh = lathe("body", profile, segments=200).mesh
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    volume = np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(np.pi * 0.25 * 2, rel=1e-3)
    assert mesh.texture_coordinates.min() == 0 and mesh.texture_coordinates.max() == 1
