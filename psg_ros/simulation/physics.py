# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Let a planned scene fall and settle, then read poses, extents and contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from psg_ros.simulation.compile import TIME_STEP_S, CompiledScene, compile_scene
from psg_ros.simulation.engine import load_mujoco
from psg_ros.simulation.geometry import rotate
from psg_ros.simulation.scene import ScenePlan

SETTLE_S = 1.0
_FLIGHT_TRIES = 12


@dataclass(frozen=True)
class SettledScene:
    """A scene at rest (but for a thrown item).

    Attributes:
        plan: What was planned.
        compiled: The engine model.
        data: ``mujoco.MjData``, the state.
    """

    plan: ScenePlan
    compiled: CompiledScene
    data: Any

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        steps = max(1, round(seconds / TIME_STEP_S))
        load_mujoco().mj_step(self.compiled.model, self.data, nstep=steps)


def settle(plan: ScenePlan, rng: np.random.Generator) -> SettledScene:
    """Compile the plan, let everything fall for a second, then throw what is to be thrown."""
    mujoco = load_mujoco()
    compiled = compile_scene(plan, rng)
    scene = SettledScene(plan, compiled, mujoco.MjData(compiled.model))
    scene.advance(SETTLE_S)
    if plan.thrown is not None:
        _throw(scene, *plan.thrown, rng)
    mujoco.mj_forward(compiled.model, scene.data)
    return scene


def _throw(scene: SettledScene, item: int, target: int, rng: np.random.Generator) -> None:
    """Put ``item`` in the air close to ``target``, flying at it; keep the first free place."""
    mujoco, compiled, data = load_mujoco(), scene.compiled, scene.data
    joint = compiled.item_joint[item]
    start = compiled.model.jnt_qposadr[joint]
    speed_start = compiled.model.jnt_dofadr[joint]
    lower, upper = item_extents(scene)
    centre, half = (lower[target] + upper[target]) / 2, (upper[target] - lower[target]) / 2
    shape = scene.plan.items[item].shape
    radius = max(shape.radius, shape.height / 2)
    to_middle = rotate(scene.plan.items[item].quat, (0.0, 0.0, shape.height / 2))
    for _ in range(_FLIGHT_TRIES):
        angle = rng.uniform(-0.3, np.pi + 0.3)
        direction = np.array([np.cos(angle), -0.35 * np.sin(angle), rng.uniform(0.25, 0.8)])
        direction /= np.linalg.norm(direction)
        gap = radius * rng.uniform(1.25, 2.0)
        place = centre + direction * (gap + np.min(half / np.maximum(np.abs(direction), 1e-6)))
        data.qpos[start : start + 3] = place - to_middle
        data.qpos[start + 3 : start + 7] = scene.plan.items[item].quat
        data.qvel[speed_start : speed_start + 6] = 0.0
        data.qvel[speed_start : speed_start + 3] = -direction * radius * rng.uniform(12, 20)
        mujoco.mj_forward(compiled.model, data)
        body = compiled.item_body[item]
        touched = compiled.model.geom_bodyid[data.contact.geom] == body
        if not touched.any():
            return


def item_extents(scene: SettledScene) -> tuple[np.ndarray, np.ndarray]:
    """World-aligned boxes of all items: lower and upper corners, float64 [item, 3] each."""
    model, data, owner = scene.compiled.model, scene.data, scene.compiled.geom_item
    turn = data.geom_xmat.reshape(-1, 3, 3)
    centre = data.geom_xpos + np.einsum("gij,gj->gi", turn, model.geom_aabb[:, :3])
    half = np.einsum("gij,gj->gi", np.abs(turn), model.geom_aabb[:, 3:])
    count = len(scene.plan.items)
    lower, upper = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(lower, owner, centre - half)
    np.maximum.at(upper, owner, centre + half)
    return lower, upper
