# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hand-built facts for the rules of relations, and one renderer for all tests that look."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.relations.facts import Contact, Fastening, Hollow, SceneFacts
from psg_ros.simulation.rendering import Renderer

Box = tuple[tuple[float, float, float], tuple[float, float, float]]


@pytest.fixture
def make_facts() -> Callable[..., SceneFacts]:
    """Facts from (name, world box) pairs.

    By default everything is upright and at rest, nothing touches, and the picture is an
    orthographic view from the front: 100 pixels a metre, depth along +y.
    """

    def make(
        *segments: tuple[str, Box],
        contacts: tuple[tuple[int, int, tuple[float, float, float]], ...] = (),
        fastenings: tuple[tuple[int, int, tuple[float, float, float]], ...] = (),
        in_hands: tuple[tuple[int, int, tuple[float, float, float]], ...] = (),
        hollows: dict[int, Hollow] | None = None,
        up: dict[int, tuple[float, float, float]] | None = None,
        velocity: dict[int, tuple[float, float, float]] | None = None,
        postures: dict[int, str] | None = None,
    ) -> SceneFacts:
        names = tuple(name for name, _ in segments)
        lower = np.array([box[0] for _, box in segments], float)
        upper = np.array([box[1] for _, box in segments], float)
        ups, velocities = np.tile([0.0, 0.0, 1.0], (len(names), 1)), np.zeros((len(names), 3))
        for segment, direction in (up or {}).items():
            ups[segment] = np.asarray(direction) / np.linalg.norm(direction)
        for segment, motion in (velocity or {}).items():
            velocities[segment] = motion
        boxes = np.stack([lower[:, 0], -upper[:, 2], upper[:, 0], -lower[:, 2]], 1) * 100
        return SceneFacts(
            names=names,
            is_thing=np.array([name in THINGS for name in names], bool),
            lower=lower,
            upper=upper,
            up=ups,
            velocity=velocities,
            boxes_xyxy=boxes,
            depth=lower[:, 1] + 10.0,
            contacts=tuple(Contact(a, b, normal) for a, b, normal in contacts),
            fastenings=tuple(Fastening(*fastening) for fastening in fastenings)
            + tuple(Fastening(*fastening, in_hand=True) for fastening in in_hands),
            hollows=hollows or {},
            upright=tuple(
                (postures or {}).get(k, THINGS[n].upright if n in THINGS else "on")
                for k, n in enumerate(names)
            ),
            tipped=tuple(THINGS[n].tipped if n in THINGS else "on" for n in names),
            rolls=np.array([n in THINGS and THINGS[n].rolls for n in names], bool),
        )

    return make


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    """A renderer of 160 x 120 pixels; skips where no GL library is installed."""
    pytest.importorskip("mujoco")
    renderer = Renderer((160, 120))
    yield renderer
    renderer.close()
