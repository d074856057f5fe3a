# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Templates: what they promise holds after settling."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation import surroundings
from psg_ros.simulation.physics import item_extents, settle
from psg_ros.simulation.scene import ScenePlan, Surface
from psg_ros.simulation.templates import TEMPLATES, plan_scene
from psg_ros.simulation.templates.placing import lean, put, put_beside
from psg_ros.simulation.templates.room_shell import enclose


@pytest.mark.parametrize("template", [*TEMPLATES, plan_scene])
@pytest.mark.parametrize("seed", range(4))
def test_a_plan_is_repeatable_and_holds_things_within_the_room(template, seed):
    plan, again = template(np.random.default_rng(seed)), template(np.random.default_rng(seed))
    assert [(i.label, i.pos) for i in plan.items] == [(i.label, i.pos) for i in again.items]
    things = [item for item in plan.items if item.is_thing]
    assert 2 <= len(things) <= 14
    assert all(abs(item.pos[0]) < 2.3 and item.pos[2] >= 0 for item in things)


def test_the_shares_of_the_templates_sum_to_one():
    assert sum(TEMPLATES.values()) == pytest.approx(1.0)
    assert all(share > 0 for share in TEMPLATES.values())


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_settles_with_its_things_in_the_room(template):
    rng = np.random.default_rng(11)
    scene = settle(template(rng), rng)
    lower, upper = item_extents(scene)
    things = [k for k, item in enumerate(scene.plan.items) if item.is_thing]
    assert lower[things, 2].min() > -0.03, "nothing falls through the floor"
    assert upper[things, 2].max() < 2.8


def test_a_free_place_overlaps_no_other():
    surface = Surface(0, (0.0, 0.0), (0.5, 0.5), 0.7)
    rng = np.random.default_rng(0)
    places = [surface.find(rng, 0.1) for _ in range(40)]
    assert places[0] is not None and places[-1] is None, "the surface is full in the end"
    found = np.array([place for place in places if place is not None])
    distances = np.linalg.norm(found[:, None] - found, axis=-1) + np.eye(len(found))
    assert distances.min() >= 0.2
    assert np.abs(found).max() <= 0.4


@pytest.mark.parametrize("label", ["book", "suitcase"])
@pytest.mark.parametrize("seed", range(3))
def test_what_leans_on_a_wall_is_still_tilted_after_settling(label, seed):
    plan, rng = ScenePlan(), np.random.default_rng(seed)
    floor, wall = enclose(plan, rng, half_width=2.0, back_y=0.0, front_y=-3.0)
    item = lean(plan, rng, label, Surface(floor, (0, 0), (2, 2), 0.0), x=0.0, plane_y=0.0)
    scene = settle(plan, rng)
    up = abs(scene.data.xmat[scene.compiled.item_body[item], 8])
    tilt = np.degrees(np.arccos(up))
    assert 5 < min(tilt, 90 - tilt) < 45
    touching = scene.compiled.geom_item[scene.data.contact.geom]
    assert {frozenset(map(int, pair)) for pair in touching} >= {frozenset((item, wall))}


def test_a_pair_put_together_touches():
    plan, rng = ScenePlan(), np.random.default_rng(0)
    table = plan.add("table-merged", surroundings.table((0.8, 0.5), 0.7), (0, 0, 0), fixed=True)
    surface = Surface(table, (0.0, 0.0), (0.7, 0.45), 0.7)
    first = put(plan, rng, "bottle", surface)
    second = put_beside(plan, rng, "apple", surface, first)
    scene = settle(plan, rng)
    touching = scene.compiled.geom_item[scene.data.contact.geom]
    assert frozenset((first, second)) in {frozenset(map(int, pair)) for pair in touching}
    lower, _ = item_extents(scene)
    assert lower[1:, 2] == pytest.approx([0.7, 0.7], abs=0.004)
