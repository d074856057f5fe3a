# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a scene plan to an engine model: bodies, geoms, meshes and textures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from psg_ros.simulation.engine import load_mujoco
from psg_ros.simulation.geometry import Mesh, Part
from psg_ros.simulation.patterns import PATTERN_SIZE, draw_pattern
from psg_ros.simulation.scene import Item, ScenePlan

TIME_STEP_S = 0.004
# Contacts are reported up to this gap (the sum of both geoms' share), without any force: two things
# a few millimetres apart look as if they touched.
CONTACT_GAP_M = 0.004
_HIDDEN_GROUP = 3


@dataclass(frozen=True)
class CompiledScene:
    """An engine model and the way back from its geoms to the plan.

    Attributes:
        model: ``mujoco.MjModel``.
        geom_item: int32 [geom], item index of each geom.
        geom_role: Palette key of each geom.
        item_body: int32 [item], body index of each item.
        item_joint: int32 [item], index of its free joint, -1 for a fixed item.
    """

    model: Any
    geom_item: np.ndarray
    geom_role: tuple[str, ...]
    item_body: np.ndarray
    item_joint: np.ndarray


def compile_scene(plan: ScenePlan, rng: np.random.Generator) -> CompiledScene:
    """Build the engine model of a plan; ``rng`` draws the details of the patterns."""
    mujoco = load_mujoco()
    spec = mujoco.MjSpec()
    _set_options(spec)
    patterns = _add_patterns(mujoco, spec, plan)
    for index, item in enumerate(plan.items):
        _add_item(mujoco, spec, index, item, patterns)
    _add_lights(mujoco, spec)
    model = spec.compile()
    for (name, _), material in patterns.items():
        _fill_texture(model, model.texture(material).id, draw_pattern(name, rng))
    items = range(len(plan.items))
    bodies = np.array([model.body(f"item{i}").id for i in items], np.int32)
    joints = [-1 if plan.items[i].fixed else int(model.body_jntadr[bodies[i]]) for i in items]
    order = {
        model.geom(f"item{i}/{k}").id: (i, part.role)
        for i, item in enumerate(plan.items)
        for k, part in enumerate(item.shape.parts)
    }
    return CompiledScene(
        model=model,
        geom_item=np.array([order[geom][0] for geom in range(model.ngeom)], np.int32),
        geom_role=tuple(order[geom][1] for geom in range(model.ngeom)),
        item_body=bodies,
        item_joint=np.array(joints, np.int32),
    )


def _set_options(spec: Any) -> None:
    spec.option.timestep = TIME_STEP_S
    spec.option.iterations = 30
    # The clipping planes and the shadow map scale with the extent, which would otherwise follow
    # the outermost wall.
    spec.stat.extent = 3.0
    spec.stat.center = [0, 0, 0.5]
    spec.visual.map.znear = 0.01
    spec.visual.map.zfar = 10.0
    spec.visual.quality.shadowsize = 1024
    spec.visual.quality.offsamples = 4
    spec.visual.global_.offwidth = 1280
    spec.visual.global_.offheight = 960


def _add_patterns(mujoco: Any, spec: Any, plan: ScenePlan) -> dict[tuple[str, str], str]:
    """A texture and material for each pattern and owner; returns their names."""
    names: dict[tuple[str, str], str] = {}
    for index, item in enumerate(plan.items):
        for part in item.shape.parts:
            if part.pattern is None or (part.pattern, _owner(index, item)) in names:
                continue
            name = f"{part.pattern}{len(names)}"
            names[part.pattern, _owner(index, item)] = name
            _add_pattern(mujoco, spec, name, part)
    return names


def _owner(index: int, item: Item) -> str:
    """Who has a texture of its own: every thing, and every stuff class as a whole."""
    return f"item{index}" if item.is_thing else item.label


def _add_pattern(mujoco: Any, spec: Any, name: str, part: Part) -> None:
    spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        width=PATTERN_SIZE,
        height=PATTERN_SIZE,
        rgb1=[1, 1, 1],
        rgb2=[1, 1, 1],
    )
    repeat = part.repeat or 1.0
    material = spec.add_material(
        name=name,
        texuniform=part.repeat > 0,
        texrepeat=[repeat, repeat],
        specular=0.25,
        shininess=0.4,
    )
    textures = list(material.textures)
    textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    material.textures = textures


def _add_item(
    mujoco: Any, spec: Any, index: int, item: Item, patterns: dict[tuple[str, str], str]
) -> None:
    body = spec.worldbody.add_body(name=f"item{index}", pos=item.pos, quat=item.quat)
    if not item.fixed:
        body.add_freejoint()
    for number, part in enumerate(item.shape.parts):
        options = {}
        if part.pattern is not None:
            options["material"] = patterns[part.pattern, _owner(index, item)]
        if part.mesh is not None:
            options["meshname"] = _add_mesh(mujoco, spec, f"item{index}/{number}", part.mesh)
        geom = body.add_geom(
            name=f"item{index}/{number}",
            type=_GEOM_TYPES[part.kind],
            pos=part.pos,
            quat=part.quat,
            rgba=[0.5, 0.5, 0.5, 1.0],
            **options,
        )
        if part.mesh is None:
            geom.size = part.size
        _set_physics(geom, part)
    if not item.fixed:
        _set_mass(body, item)


_GEOM_TYPES = {"sphere": 2, "capsule": 3, "ellipsoid": 4, "cylinder": 5, "box": 6, "mesh": 7}


def _add_mesh(mujoco: Any, spec: Any, name: str, mesh: Mesh) -> str:
    spec.add_mesh(
        name=name,
        uservert=mesh.vertices.ravel().tolist(),
        userface=mesh.faces.ravel().tolist(),
        usertexcoord=mesh.texture_coordinates.ravel().tolist(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )
    return name


def _set_physics(geom: Any, part: Part) -> None:
    geom.group = 0 if part.visible else _HIDDEN_GROUP
    geom.contype = geom.conaffinity = int(part.collides)
    geom.mass = 0.0
    geom.gap = CONTACT_GAP_M / 2
    # Torsional and rolling friction make balls come to rest within a second.
    geom.condim = 6
    geom.friction = [0.9, 0.01, 0.002]


def _set_mass(body: Any, item: Item) -> None:
    """Inertia of a solid cylinder with its mass low, which keeps tall things standing."""
    mass, radius, height = item.shape.mass, item.shape.radius * 0.7, item.shape.height
    across = mass * (radius**2 / 4 + height**2 / 12)
    body.explicitinertial = True
    body.mass = mass
    body.ipos = [0.0, 0.0, height * 0.4]
    body.inertia = [across, across, mass * radius**2 / 2]


def _add_lights(mujoco: Any, spec: Any) -> None:
    """A key light with shadows and a fill light; views place and dim them."""
    for name, shadow in (("key", True), ("fill", False)):
        spec.worldbody.add_light(
            name=name,
            type=mujoco.mjtLightType.mjLIGHT_SPOT,
            cutoff=75,
            exponent=1.0,
            castshadow=shadow,
            pos=[0, 0, 2.5],
            dir=[0, 0, -1],
        )


def _fill_texture(model: Any, texture: int, image: np.ndarray) -> None:
    start = int(model.tex_adr[texture])
    model.tex_data[start : start + image.size] = image.ravel()
