# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clutter is void, pictures are wall, and containers of stuff hold things."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.simulation import fittings, surroundings
from psg_ros.simulation.catalog import CLASSES, CLUTTER, PREDICATES, THINGS
from psg_ros.simulation.physics import settle
from psg_ros.simulation.rendering import CameraPose
from psg_ros.simulation.scene import ScenePlan
from psg_ros.simulation.truth import describe

FROM_FRONT = CameraPose((0, 0, 0.75), distance=1.2, azimuth=90, elevation=-40, fovy=45)


def described(renderer, plan):
    """Class map of the view from the front, and named relations."""
    rng = np.random.default_rng(0)
    scene = settle(plan, rng)
    renderer.load(scene.compiled)
    view = renderer.render(scene.data, FROM_FRONT)
    frame = describe(scene, view, view.rgb)
    items = np.where(view.geom >= 0, scene.compiled.geom_item[view.geom], -1)
    names = [CLASSES[label] for label in frame.labels]
    relations = {(names[s], PREDICATES[p], names[o]) for s, o, p in frame.relations}
    return frame, items, names, relations


@pytest.fixture
def plan():
    """A table."""
    plan = ScenePlan()
    plan.add("table-merged", surroundings.table((0.8, 0.5), 0.7), (0, 0, 0), fixed=True)
    return plan


def test_clutter_is_void_and_has_no_relations(renderer, plan):
    clutter = plan.add(CLUTTER, fittings.clutter(np.random.default_rng(0), 3.0), (0, 0, 0.7))
    frame, items, names, relations = described(renderer, plan)
    assert (items == clutter).sum() > 100
    assert (frame.label_map[items == clutter] == -1).all()
    assert names == ["table-merged"] and not relations


def test_a_picture_is_part_of_its_wall(renderer, plan):
    wall = surroundings.wall(2.0, pattern="plaster", facing_front=True)
    plan.add("wall-other-merged", wall, (0, 0.6, 0), fixed=True)
    picture = plan.add("wall-other-merged", fittings.picture((0.3, 0.2)), (0, 0.5, 0.9), fixed=True)
    frame, items, names, _ = described(renderer, plan)
    assert (items == picture).sum() > 100
    segment = names.index("wall-other-merged")
    assert (frame.label_map[items == picture] == segment).all()


@pytest.mark.parametrize("container", ["cardboard", "sink"])
def test_fruit_in_a_box_or_a_sink_is_in_it(renderer, plan, container):
    rng = np.random.default_rng(0)
    if container == "sink":
        shape = THINGS["sink"].build(rng, 1.0)
    else:
        shape = fittings.cardboard_box((0.25, 0.2), 0.15)
    plan.add(container, shape, (0, 0, 0.7), fixed=True)
    plan.add("apple", THINGS["apple"].build(rng, 1.5), (0.05, 0, 0.75))
    *_, relations = described(renderer, plan)
    assert {("apple", "in", container), (container, "enclosing", "apple")} <= relations
