# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of one scene: plan, settle, render several views. One seed, always the same frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psg_ros.data.simulation.catalog import THING_CLASSES
from psg_ros.data.simulation.frame import SimulatedFrame
from psg_ros.data.simulation.physics import SettledScene, settle
from psg_ros.data.simulation.rendering import CameraPose, Renderer
from psg_ros.data.simulation.templates import plan_scene
from psg_ros.data.simulation.truth import describe
from psg_ros.data.simulation.views import (
    apply_light,
    apply_palettes,
    expose,
    sample_camera,
    sample_palettes,
)

MIN_THINGS = 3
_VIEW_TRIES = 4


def render_views(renderer: Renderer, seed: list[int], views: int) -> Iterator[SimulatedFrame]:
    """``views`` frames of one settled scene, each with its own camera, light and colours.

    Args:
        renderer: Is loaded with the scene.
        seed: Entropy of the scene's random generator.
        views: Number of frames.
    """
    rng = np.random.default_rng(seed)
    scene = settle(plan_scene(rng), rng)
    renderer.load(scene.compiled)
    for _ in range(views):
        yield _render_filled_view(renderer, scene, rng)


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
    """The loaded scene from one camera with its truth; ``rng`` draws exposure and noise."""
    view = renderer.render(scene.data, camera)
    return describe(scene, view, expose(view.rgb, rng))
