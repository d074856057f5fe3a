# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of one scene: plan, settle, render several views. One seed, always the same frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psg_ros.simulation.catalog import THING_CLASSES
from psg_ros.simulation.frame import SimulatedFrame
from psg_ros.simulation.physics import SettledScene, settle
from psg_ros.simulation.rendering import CameraPose, Renderer
from psg_ros.simulation.templates import plan_scene
from psg_ros.simulation.truth import describe
from psg_ros.simulation.views import (
    apply_light,
    apply_palettes,
    between,
    expose,
    sample_camera,
    sample_palettes,
    smear,
)

MIN_THINGS = 3
_VIEW_TRIES = 4
# Share of scenes that a camera films on one short path, in one light, instead of separate views.
FILMED_SHARE = 0.3
_PATH_SHARE = 0.4


def render_views(renderer: Renderer, seed: list[int], views: int) -> Iterator[SimulatedFrame]:
    """``views`` frames of one settled scene.

    Mostly each has its own camera, light and colours; some scenes are filmed on a short path.

    Args:
        renderer: Is loaded with the scene.
        seed: Entropy of the scene's random generator.
        views: Number of frames.
    """
    rng = np.random.default_rng(seed)
    scene = settle(plan_scene(rng), rng)
    renderer.load(scene.compiled)
    if rng.random() < FILMED_SHARE:
        yield from _film(renderer, scene, rng, views)
        return
    for _ in range(views):
        yield _render_filled_view(renderer, scene, rng)


def _film(
    renderer: Renderer, scene: SettledScene, rng: np.random.Generator, views: int
) -> Iterator[SimulatedFrame]:
    """Frames from poses along a straight path, a part of the way between two random poses."""
    apply_palettes(scene.compiled, sample_palettes(scene.plan, rng))
    apply_light(scene, rng)
    start, end = (sample_camera(scene.plan.cameras, rng) for _ in range(2))
    for share in np.linspace(0.0, _PATH_SHARE, views):
        yield render_frame(renderer, scene, between(start, end, float(share)), rng)


def _render_filled_view(
    renderer: Renderer, scene: SettledScene, rng: np.random.Generator
) -> SimulatedFrame:
    """A view that shows at least three things, or the fullest of a few tries."""
    tried: list[SimulatedFrame] = []
    for _ in range(_VIEW_TRIES):
        apply_palettes(scene.compiled, sample_palettes(scene.plan, rng))
        apply_light(scene, rng)
        tried.append(render_frame(renderer, scene, sample_camera(scene.plan.cameras, rng), rng))
        if np.count_nonzero(tried[-1].labels < len(THING_CLASSES)) >= MIN_THINGS:
            return tried[-1]
    return max(tried, key=lambda frame: len(frame.labels))


def render_frame(
    renderer: Renderer, scene: SettledScene, camera: CameraPose, rng: np.random.Generator
) -> SimulatedFrame:
    """The loaded scene from one camera with its truth; ``rng`` draws blur, exposure, noise."""
    view = renderer.render(scene.data, camera)
    return describe(scene, view, expose(smear(view.rgb, rng), rng))
