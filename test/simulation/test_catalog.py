# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the simulated world agrees with its YAML file and with its builders."""

from __future__ import annotations

import numpy as np
import pytest

from psg_ros.labels import load_vocabulary
from psg_ros.resources import share_path
from psg_ros.simulation import surroundings
from psg_ros.simulation.catalog import (
    CLASSES,
    PREDICATES,
    STUFF_CLASSES,
    THING_CLASSES,
    THINGS,
)


def test_names_equal_the_label_file():
    vocabulary = load_vocabulary(share_path() / "config/labels/simulation.yaml")
    assert vocabulary.label_names == CLASSES == THING_CLASSES + STUFF_CLASSES
    assert vocabulary.predicate_names == PREDICATES
    assert [label.is_thing for label in vocabulary.labels] == [c in THINGS for c in CLASSES]


def test_names_are_those_of_psg():
    psg = load_vocabulary(share_path() / "config/labels/psg.yaml")
    assert len(psg.labels) == 133 and len(psg.predicates) == 56
    things = {label.name for label in psg.labels if label.is_thing}
    assert set(THING_CLASSES) <= things
    assert set(STUFF_CLASSES) <= set(psg.label_names) - things
    assert set(PREDICATES) <= set(psg.predicate_names)


@pytest.mark.parametrize("file", ["psg.yaml", "simulation.yaml"])
def test_every_class_has_a_colour_of_its_own(file):
    labels = load_vocabulary(share_path() / "config/labels" / file).labels
    assert len({label.color_rgb for label in labels}) == len(labels)


@pytest.mark.parametrize("name", THING_CLASSES)
def test_a_thing_stands_on_its_origin_and_every_role_has_a_colour(name):
    rng = np.random.default_rng(3)
    shape, palette = THINGS[name].build(rng, 1.0), THINGS[name].paint(rng)
    assert {part.role for part in shape.parts} <= set(palette)
    assert all(0 <= channel <= 1 for colour in palette.values() for channel in colour)
    assert any(part.collides for part in shape.parts)
    assert any(part.visible for part in shape.parts)
    assert 0 < shape.height < 3 and 0 < shape.radius < 1.5 and shape.mass > 0


def test_scale_enlarges_a_thing():
    small = THINGS["apple"].build(np.random.default_rng(0), 1.0)
    large = THINGS["apple"].build(np.random.default_rng(0), 2.0)
    assert large.height == pytest.approx(2 * small.height)


@pytest.mark.parametrize("name", STUFF_CLASSES)
def test_stuff_is_painted(name):
    palette = surroundings.palette(name, np.random.default_rng(0))
    assert palette and all(0 <= c <= 1 for colour in palette.values() for c in colour)
