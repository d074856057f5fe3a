# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Variation without new physics: camera, light and colours of one view of a settled scene."""

from __future__ import annotations

import cv2
import numpy as np

from psg_ros.simulation.catalog import THINGS
from psg_ros.simulation.colours import Palette
from psg_ros.simulation.compile import CompiledScene
from psg_ros.simulation.physics import SettledScene
from psg_ros.simulation.rendering import CameraPose
from psg_ros.simulation.scene import CameraRange, ScenePlan
from psg_ros.simulation.surroundings import palette as stuff_palette

SMEARED_SHARE = 1 / 8


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


def between(one: CameraPose, other: CameraPose, share: float) -> CameraPose:
    """The pose at a share (0..1) of the way from one pose to the other."""

    def mix(a: float, b: float) -> float:
        return float(a + share * (b - a))

    return CameraPose(
        target=tuple(mix(a, b) for a, b in zip(one.target, other.target, strict=True)),
        distance=mix(one.distance, other.distance),
        azimuth=mix(one.azimuth, other.azimuth),
        elevation=mix(one.elevation, other.elevation),
        fovy=mix(one.fovy, other.fovy),
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
    warmth = 1.0 + rng.uniform(-0.13, 0.13) * np.array([1.0, 0.0, -1.0])
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


def smear(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In one picture of eight, the mild blur of a camera that moves during the exposure.

    Args:
        rgb: uint8 [H, W, 3].
        rng: Draws whether, the direction, and the length: up to 2 % of the width.

    Returns:
        uint8 [H, W, 3].
    """
    if rng.random() > SMEARED_SHARE:
        return rgb
    reach = max(1, round(rgb.shape[1] * rng.uniform(0.004, 0.01)))
    angle = rng.uniform(0, np.pi)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    tip = np.round(reach * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    start, end = (reach - tip).tolist(), (reach + tip).tolist()
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(rgb, -1, kernel / kernel.sum())
