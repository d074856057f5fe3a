# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parts and shapes: what a thing is made of, before any physics engine is involved.

A shape stands in its own frame: origin at the centre of its base, +z up, its front towards -y
(where cameras are), lengths in metres, quaternions as (w, x, y, z).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Vector = tuple[float, ...]
UNTURNED: Vector = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Mesh:
    """Triangles of a surface of revolution.

    Attributes:
        vertices: float64 [vertex, 3], metres.
        faces: int64 [face, 3], counter-clockwise from outside.
        texture_coordinates: float64 [vertex, 2], 0..1.
    """

    vertices: np.ndarray
    faces: np.ndarray
    texture_coordinates: np.ndarray


@dataclass(frozen=True)
class Part:
    """One piece of a shape.

    Attributes:
        kind: box, sphere, cylinder, capsule, ellipsoid or mesh.
        size: Half extents in metres, as MuJoCo orders them for the kind; unused for a mesh.
        role: Key into the thing's palette; parts of one role share one colour.
        pos: Centre in the frame of the shape.
        quat: Turn in the frame of the shape.
        pattern: Name of a surface pattern (see ``patterns``), None for a plain colour.
        repeat: Pattern repetitions per metre, or 0 to stretch the pattern once over the part.
        collides: Takes part in contacts.
        visible: Is drawn.
        mesh: Triangles, for the kind mesh alone.
    """

    kind: str
    size: Vector
    role: str
    pos: Vector = (0.0, 0.0, 0.0)
    quat: Vector = UNTURNED
    pattern: str | None = None
    repeat: float = 0.0
    collides: bool = True
    visible: bool = True
    mesh: Mesh | None = None


@dataclass(frozen=True)
class Cavity:
    """The hollow of a container, in the frame of its shape: a cylinder between floor and rim."""

    floor: float
    rim: float
    radius: float


@dataclass(frozen=True)
class Shape:
    """Parts of one thing with what placing it needs.

    Attributes:
        parts: Its pieces.
        radius: Radius of the circle that holds its footprint, metres.
        height: Metres from base to top.
        mass: Kilograms.
        cavity: Where other things can lie in it, None if nowhere.
        posture: Predicate towards its support where this shape differs from its class (somebody
            who sits), None for the class's.
        hands: Left and right hand of a person.
        handle: Where a hand takes it, None for the back of its middle.
    """

    parts: tuple[Part, ...]
    radius: float
    height: float
    mass: float
    cavity: Cavity | None = None
    posture: str | None = None
    hands: tuple[Vector, ...] = ()
    handle: Vector | None = None


def box(role: str, half: Vector, pos: Vector, quat: Vector = UNTURNED, **options: Any) -> Part:
    """A box by half extents [x, y, z] and centre."""
    return Part("box", half, role, pos, quat, **options)


def sphere(role: str, radius: float, pos: Vector, **options: Any) -> Part:
    """A ball."""
    return Part("sphere", (radius, 0.0, 0.0), role, pos, **options)


def ellipsoid(
    role: str, half: Vector, pos: Vector, quat: Vector = UNTURNED, **options: Any
) -> Part:
    """An ellipsoid by half axes."""
    return Part("ellipsoid", half, role, pos, quat, **options)


def cylinder(
    role: str,
    radius: float,
    half_height: float,
    pos: Vector,
    quat: Vector = UNTURNED,
    **options: Any,
) -> Part:
    """A cylinder along its own z axis."""
    return Part("cylinder", (radius, half_height, 0.0), role, pos, quat, **options)


def capsule(role: str, radius: float, start: Vector, end: Vector, **options: Any) -> Part:
    """A rounded rod between two points."""
    start_point, end_point = np.asarray(start, float), np.asarray(end, float)
    axis = end_point - start_point
    length = float(np.linalg.norm(axis))
    centre = tuple((start_point + end_point) / 2)
    return Part("capsule", (radius, length / 2, 0.0), role, centre, z_towards(axis), **options)


def arc(role: str, thickness: float, points: np.ndarray, **options: Any) -> tuple[Part, ...]:
    """Rounded rods along a polyline; ``points`` is float [point, 3]."""
    return tuple(
        capsule(role, thickness, a, b, **options)
        for a, b in zip(points[:-1], points[1:], strict=True)
    )


def lathe(role: str, profile: np.ndarray, *, segments: int = 20, **options: Any) -> Part:
    """A surface of revolution about z, drawn but without contacts.

    Args:
        role: Palette key.
        profile: float [point, 2] of (radius, z), walked with the outside on the right hand:
            up along the outside, then down along the inside of a hollow thing.
        segments: Corners of the circle.
        **options: Further fields of the part.
    """
    rings = len(profile)
    angle = np.linspace(0.0, 2 * np.pi, segments + 1)
    radius = np.maximum(np.asarray(profile, float)[:, :1], 1e-4)
    height = np.repeat(np.asarray(profile, float)[:, 1:], segments + 1, axis=1)
    vertices = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)
    u, v = np.meshgrid(angle / (2 * np.pi), np.linspace(0.0, 1.0, rings))
    corner = (np.arange(rings - 1)[:, None] * (segments + 1) + np.arange(segments)).ravel()
    above = corner + segments + 1
    faces = np.concatenate(
        [np.stack([corner, corner + 1, above + 1], 1), np.stack([corner, above + 1, above], 1)]
    )
    mesh = Mesh(vertices.reshape(-1, 3), faces, np.stack([u, v], -1).reshape(-1, 2))
    return Part("mesh", (), role, collides=False, mesh=mesh, **options)


def turn(axis: Vector, degrees: float) -> Vector:
    """Quaternion (w, x, y, z) of a right-handed turn about a unit axis."""
    half = np.deg2rad(degrees) / 2
    return (float(np.cos(half)), *(float(np.sin(half) * component) for component in axis))


def combine(*quats: Vector) -> Vector:
    """Product of quaternions: the last one is applied first."""
    result = np.array(UNTURNED)
    for quat in quats:
        w, x, y, z = result
        matrix = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
        result = matrix @ np.asarray(quat)
    return tuple(float(value) for value in result)


def z_towards(direction: np.ndarray) -> Vector:
    """The shortest turn that brings the z axis to ``direction`` (float [3], any length)."""
    unit = np.asarray(direction, float) / np.linalg.norm(direction)
    if unit[2] < -1 + 1e-9:
        return (0.0, 1.0, 0.0, 0.0)
    quat = np.array([1 + unit[2], -unit[1], unit[0], 0.0])
    return tuple(float(value) for value in quat / np.linalg.norm(quat))


def rotate(quat: Vector, vector: Vector) -> np.ndarray:
    """``vector`` turned by ``quat``; float64 [3]."""
    w, x, y, z = quat
    axis = np.array([x, y, z])
    value = np.asarray(vector, float)
    return value + 2 * np.cross(axis, np.cross(axis, value) + w * value)
