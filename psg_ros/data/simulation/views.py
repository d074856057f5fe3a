# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Variation without new physics: camera, light and colours of one view of a settled scene."""

from __future__ import annotations

import numpy as np

from psg_ros.data.simulation.catalog import THINGS
from psg_ros.data.simulation.colours import Palette
from psg_ros.data.simulation.compile import CompiledScene
from psg_ros.data.simulation.physics import SettledScene
from psg_ros.data.simulation.rendering import CameraPose
from psg_ros.data.simulation.scene import CameraRange, ScenePlan
from psg_ros.data.simulation.surroundings import palette as stuff_palette


def sample_camera(cameras: CameraRange, rng: np.random.Generator) -> CameraPose:
    """A pose within the range; the target is moved a little."""
    jitter = rng.normal(0.0, 0.04, 3) * np.mean(cameras.distance)
    return CameraPose(
        target=tuple(float(value) for value in np.asarray(cameras.target) + jitter),
        distance=float(rng.uniform(*cameras.distance)),
        azimuth=90.0 + float(rng.uniform(*cameras.azimuth)),
        elevation=-float(rng.uniform(*cameras.elevation)),
        fovy=float(rng.uniform(40, 48)),
    )


def sample_palettes(plan: ScenePlan, rng: np.random.Generator) -> list[Palette]:
    """Colours for every item; items of one stuff class share theirs."""
    stuff: dict[str, Palette] = {}
    palettes = []
    for item in plan.items:
        if item.is_thing:
            palettes.append(THINGS[item.label].paint(rng))
        else:
            if item.label not in stuff:
                stuff[item.label] = stuff_palette(item.label, rng)
            palettes.append(stuff[item.label])
    return palettes


def apply_palettes(compiled: CompiledScene, palettes: list[Palette]) -> None:
    """Write the colours into the model."""
    for geom, (item, role) in enumerate(zip(compiled.geom_item, compiled.geom_role, strict=True)):
        compiled.model.geom_rgba[geom, :3] = palettes[item][role]


def apply_light(scene: SettledScene, rng: np.random.Generator) -> None:
    """Place the key light in front above the target, the fill light opposite, choose strengths."""
    model, target = scene.compiled.model, np.asarray(scene.plan.cameras.target)
    reach = np.mean(scene.plan.cameras.distance)
    warmth = 1.0 + rng.uniform(-0.08, 0.08) * np.array([1.0, 0.0, -1.0])
    for name, side, strength in (
        ("key", rng.uniform(-1.0, 1.0), rng.uniform(0.55, 0.85)),
        ("fill", rng.uniform(-1.0, 1.0), rng.uniform(0.1, 0.3)),
    ):
        light = model.light(name).id
        offset = np.array([side, rng.uniform(-1.1, -0.1), rng.uniform(0.9, 1.4)]) * reach
        place = target + offset
        place[2] = min(place[2], 2.6)
        model.light_pos[light] = place
        model.light_dir[light] = (target - place) / np.linalg.norm(target - place)
        model.light_diffuse[light] = strength * warmth
        model.light_specular[light] = 0.3 * strength
    ambient = rng.uniform(0.22, 0.42)
    model.vis.headlight.ambient[:] = ambient
    model.vis.headlight.diffuse[:] = rng.uniform(0.05, 0.2)
    model.vis.headlight.specular[:] = 0.05


def expose(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera does to light: automatic exposure within limits, then sensor noise.

    Args:
        rgb: uint8 [H, W, 3].
        rng: Draws the wanted brightness and the noise.

    Returns:
        uint8 [H, W, 3] whose mean lies near 95 to 150, less where highlights would burn out or the
        picture is nearly black.
    """
    mean = max(float(rgb.mean()), 1.0)
    bright = max(float(np.percentile(rgb[::4, ::4], 93)), 1.0)
    gain = np.clip(min(rng.uniform(95, 150) / mean, 245 / bright), 0.7, 2.5)
    noise = rng.normal(0.0, rng.uniform(0.0, 4.0), rgb.shape[:2]).astype(np.float32)
    return np.clip(rgb * np.float32(gain) + noise[..., None], 0, 255).astype(np.uint8)
