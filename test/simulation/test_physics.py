# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settling, extents and throwing on small scenes built by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation import surroundings
from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.physics import item_extents, settle
from psg_ros.simulation.scene import ScenePlan

# A couch does not fit on the table, an open umbrella does not stand.
UNSTEADY = ("couch", "umbrella")


def table_with(*things: tuple[str, tuple[float, float, float]]) -> ScenePlan:
    """A table top at 0.7 m with things at points above it."""
    plan = ScenePlan()
    plan.add("table-merged", surroundings.table((0.8, 0.5), 0.7), (0, 0, 0), fixed=True)
    rng = np.random.default_rng(0)
    for name, pos in things:
        plan.add(name, THINGS[name].build(rng, 1.0), pos)
    return plan


def test_a_dropped_thing_comes_to_rest_on_the_table():
    scene = settle(table_with(("cup", (0, 0, 0.75))), np.random.default_rng(0))
    lower, upper = item_extents(scene)
    assert lower[1, 2] == pytest.approx(0.7, abs=0.003)
    assert upper[1, 2] - lower[1, 2] == pytest.approx(scene.plan.items[1].shape.height, abs=0.005)
    assert np.abs(scene.data.qvel).max() < 0.01


@pytest.mark.parametrize("name", [n for n in THINGS if n not in UNSTEADY])
def test_every_thing_stays_where_it_is_put_upright(name):
    scene = settle(table_with((name, (0, 0, 0.702))), np.random.default_rng(0))
    body = scene.compiled.item_body[1]
    assert np.hypot(*scene.data.xpos[body, :2]) < 0.02
    assert scene.data.xmat[body, 8] > 0.98, "its z axis is no longer vertical"


def test_fruit_dropped_into_a_bowl_stays_in_it():
    scene = settle(
        table_with(("bowl", (0, 0, 0.7)), ("apple", (0.03, 0, 0.74))), np.random.default_rng(0)
    )
    lower, upper = item_extents(scene)
    middle = (lower[2] + upper[2]) / 2
    assert np.hypot(*middle[:2]) < 0.06
    assert 0.7 < lower[2, 2] < 0.74


def test_a_thrown_ball_hangs_free_and_flies_at_its_target():
    plan = table_with(("vase", (0, 0, 0.7)), ("sports ball", (0, 0, 30)))
    plan.thrown = (2, 1)
    scene = settle(plan, np.random.default_rng(0))
    ball, target = (scene.data.xpos[scene.compiled.item_body[k]] for k in (2, 1))
    start = scene.compiled.model.jnt_dofadr[scene.compiled.item_joint[2]]
    velocity = scene.data.qvel[start : start + 3]
    assert np.linalg.norm(ball - target) < 0.6
    assert np.dot(velocity, target - ball) > 0
    touched = scene.compiled.geom_item[scene.data.contact.geom] == 2
    assert not touched.any()


@pytest.mark.parametrize("label", ["apple", "book", "teddy bear", "bottle"])
def test_anything_can_be_thrown_and_then_hits(label):
    plan = table_with(("vase", (0, 0, 0.7)), (label, (0, 0, 30)))
    plan.thrown = (2, 1)
    scene = settle(plan, np.random.default_rng(1))
    lower, upper = item_extents(scene)
    gap = np.maximum(np.maximum(lower[1] - upper[2], lower[2] - upper[1]), 0)
    assert 0 <= np.linalg.norm(gap) < 0.5
    hit = False
    for _ in range(60):
        scene.advance(0.004)
        pairs = scene.compiled.geom_item[scene.data.contact.geom].reshape(-1, 2)
        hit = hit or {1, 2} in [set(map(int, pair)) for pair in pairs]
    assert hit


def test_time_passes():
    plan = table_with(("apple", (0, 0, 3.0)))
    scene = settle(plan, np.random.default_rng(0))
    before = scene.data.time
    scene.advance(0.1)
    assert scene.data.time - before == pytest.approx(0.1)
