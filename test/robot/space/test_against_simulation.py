# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Positions and relations against the simulator's truth; `benchmarks/positions.py` says more."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mujoco")

from psg_ros.robot.geometry import Geometry, KindTable, gather_facts
from psg_ros.robot.geometry.contradictions import Contradictions
from psg_ros.robot.ops.regions import measure_regions
from psg_ros.robot.space.rays import rays_of
from psg_ros.simulation.catalog import PREDICATES

SCENES, SIZE_WH = 4, (320, 240)


@pytest.fixture(scope="module")
def benchmark():
    return runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "positions.py"))


@pytest.fixture(scope="module")
def shots(benchmark):
    """Pictures with spoiled depth; at this size a pixel is as large as 4 of VGA."""
    try:
        return list(benchmark["shots"](SCENES, SIZE_WH))
    except RuntimeError as error:
        pytest.skip(str(error))


def test_positions_are_within_three_centimetres_at_two_metres(benchmark, shots):
    for masks in (lambda exact: exact, benchmark["spilled"]):
        found = (benchmark["position_errors"](shot, masks(shot.segmentation)) for shot in shots)
        rows = np.concatenate(list(found))
        errors = rows[(rows[:, 0] > 1.5) & (rows[:, 0] < 2.5), 1]
        assert len(errors) >= 8
        assert np.median(errors) < 0.03


def test_every_thing_that_is_near_has_a_position(benchmark, shots):
    for shot in shots:
        rows = benchmark["position_errors"](shot, shot.segmentation)
        assert len(rows) >= 0.9 * len(shot.truth.labels)


def test_depth_makes_relations_better_and_most_are_right(benchmark, shots):
    geometry = Geometry(benchmark["_vocabulary"]())

    def precision_recall(**mode):
        counted = (benchmark["relation_counts"](shot, geometry, **mode) for shot in shots)
        right, said, true = np.sum(list(counted), axis=0)
        return right / said, right / true

    flat = precision_recall(depth=False, up=False)
    deep = precision_recall(depth=True, up=True)
    assert deep[0] > 0.65 and deep[1] > 0.6
    assert deep[1] >= flat[1]


def test_depth_rules_out_much_and_nothing_that_is_true(benchmark, shots):
    vocabulary = benchmark["_vocabulary"]()
    contradictions, kinds = Contradictions(vocabulary), KindTable(vocabulary)
    column = [vocabulary.predicate_names.index(name) for name in PREDICATES]
    share = []
    for shot in shots:
        parts, frame = shot.segmentation, shot.frame
        regions = measure_regions(parts.label_map, parts.num_segments)
        rays = partial(rays_of, frame.camera)
        facts = gather_facts(parts, regions, kinds, frame.depth, rays, frame.up)
        denied = contradictions(facts.extents)
        true = [(s, o, column[p]) for s, o, p in shot.truth.relations.tolist()]
        assert not [triplet for triplet in true if denied[triplet]]
        share.append(denied[:, :, vocabulary.predicate_names.index("on")].mean())
    assert np.mean(share) > 0.3
