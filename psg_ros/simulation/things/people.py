# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A person of rounded limbs: standing, walking or seated, hands free for things.

All lengths are shares of the body height, after the usual figure of eight heads.
"""

from __future__ import annotations

import numpy as np

from psg_ros.simulation.colours import Palette, darker, grey, hsv, one_of
from psg_ros.simulation.geometry import Part, Shape, box, capsule, ellipsoid, sphere

HIP, SHOULDER = 0.52, 0.82
# Elbow and hand, from the shoulder, for the right-hand side (+x).
_ARMS = {
    "down": ((0.035, 0.01, -0.17), (0.05, -0.03, -0.33)),
    "carry": ((0.06, 0.01, -0.17), (0.1, 0.0, -0.33)),
    "bent": ((0.035, -0.02, -0.17), (-0.01, -0.19, -0.13)),
    "raised": ((0.05, -0.07, -0.15), (0.01, -0.16, -0.02)),
    "lap": ((0.04, -0.02, -0.17), (-0.03, -0.17, -0.22)),
}


def person(rng: np.random.Generator, scale: float) -> Shape:
    """Somebody who stands upright, arms at the sides."""
    return standing_person(rng, scale)


def standing_person(
    rng: np.random.Generator, scale: float, *, arms: tuple[str, str] = ("down", "down")
) -> Shape:
    """Both feet on the ground; ``arms`` are the poses of the left (-x) and right (+x) arm."""
    height = scale * rng.uniform(1.55, 1.8)
    legs = [_leg(side, (0, -0.01, 0.28), (0, 0, 0.04)) for side in (-1, 1)]
    return _assemble(height, HIP, legs, arms, posture="standing on")


def walking_person(
    rng: np.random.Generator, scale: float, *, arms: tuple[str, str] = ("down", "down")
) -> Shape:
    """One leg in front, the other one behind."""
    height = scale * rng.uniform(1.55, 1.8)
    front = 1 if rng.random() < 0.5 else -1
    legs = [
        _leg(front, (0, -0.12, 0.29), (0, -0.15, 0.04)),
        _leg(-front, (0, 0.01, 0.27), (0, 0.16, 0.06)),
    ]
    return _assemble(height, HIP, legs, arms, posture="walking on")


def seated_person(
    rng: np.random.Generator,
    scale: float,
    seat: float,
    *,
    arms: tuple[str, str] = ("lap", "lap"),
) -> Shape:
    """Somebody on a seat ``seat`` metres above the ground; the origin is on the seat's surface."""
    height = scale * rng.uniform(1.55, 1.75)
    drop = -min(seat / height, 0.3) + 0.04
    legs = [_leg(side, (0.02, -0.25, 0.05), (0.02, -0.27, drop)) for side in (-1, 1)]
    return _assemble(height, 0.055, legs, arms, posture="sitting on")


Joint = tuple[float, float, float]


def _leg(side: int, knee: Joint, ankle: Joint) -> tuple[int, np.ndarray, np.ndarray]:
    """Side with knee and ankle, relative to the middle line and the origin, as shares."""
    aside = np.array([side * 0.055, 0, 0])
    flip = np.array([side, 1, 1])
    return side, aside + flip * np.asarray(knee), aside + flip * np.asarray(ankle)


def _assemble(
    height: float,
    hip: float,
    legs: list[tuple[int, np.ndarray, np.ndarray]],
    arms: tuple[str, str],
    *,
    posture: str,
) -> Shape:
    """The whole body; ``hip`` is the height of the hip joints as a share."""
    raised = hip - HIP
    parts = _trunk(height, raised)
    for side, knee, ankle in legs:
        parts += _leg_parts(height, np.array([side * 0.05, 0, hip]), knee, ankle)
    hands = []
    for side, pose in zip((-1, 1), arms, strict=True):
        shoulder = np.array([side * 0.105, 0, SHOULDER + raised - 0.02])
        elbow, hand = (shoulder + np.array([side, 1, 1]) * joint for joint in _ARMS[pose])
        parts += _arm_parts(height, shoulder, elbow, hand)
        hands.append(tuple(float(value) for value in hand * height))
    return Shape(
        parts=tuple(parts),
        radius=0.16 * height,
        height=(1.0 + raised) * height,
        mass=60.0,
        posture=posture,
        hands=tuple(hands),
    )


def _trunk(h: float, raised: float) -> list[Part]:
    """Pelvis, chest, neck and a head with hair and eyes."""
    head = np.array([0, -0.01, 0.925 + raised]) * h
    parts: list[Part] = [
        ellipsoid("trousers", (0.095 * h, 0.065 * h, 0.06 * h), (0, 0, (0.53 + raised) * h)),
        ellipsoid("shirt", (0.1 * h, 0.065 * h, 0.14 * h), (0, 0, (0.67 + raised) * h)),
        ellipsoid("shirt", (0.125 * h, 0.062 * h, 0.075 * h), (0, 0, (0.765 + raised) * h)),
        capsule("skin", 0.03 * h, (0, 0, (0.8 + raised) * h), (0, 0, (0.88 + raised) * h)),
        ellipsoid("skin", (0.053 * h, 0.063 * h, 0.076 * h), tuple(head)),
        ellipsoid(
            "hair",
            (0.058 * h, 0.062 * h, 0.068 * h),
            tuple(head + np.array([0, 0.016, 0.022]) * h),
            collides=False,
        ),
        sphere("skin", 0.01 * h, tuple(head + np.array([0, -0.064, -0.01]) * h), collides=False),
    ]
    for side in (-1, 1):
        eye = head + np.array([side * 0.021, -0.056, 0.008]) * h
        parts.append(sphere("eye", 0.008 * h, tuple(eye), collides=False))
    return parts


def _leg_parts(h: float, hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray) -> list[Part]:
    foot = ankle + np.array([0, -0.03, -0.015])
    return [
        capsule("trousers", 0.047 * h, tuple(hip * h), tuple(knee * h)),
        capsule("trousers", 0.036 * h, tuple(knee * h), tuple(ankle * h)),
        box("shoe", (0.035 * h, 0.07 * h, 0.025 * h), tuple(foot * h)),
    ]


def _arm_parts(h: float, shoulder: np.ndarray, elbow: np.ndarray, hand: np.ndarray) -> list[Part]:
    return [
        capsule("shirt", 0.033 * h, tuple(shoulder * h), tuple(elbow * h)),
        capsule("skin", 0.024 * h, tuple(elbow * h), tuple(hand * h)),
        sphere("skin", 0.031 * h, tuple(hand * h)),
    ]


def person_palette(rng: np.random.Generator) -> Palette:
    """Any shirt, dark or khaki trousers, natural tones of skin and hair."""
    trousers = one_of(
        rng,
        hsv(rng, (0.58, 0.65), (0.3, 0.7), (0.15, 0.4)),
        grey(rng, (0.12, 0.4)),
        hsv(rng, (0.08, 0.12), (0.2, 0.45), (0.35, 0.6)),
    )
    return {
        "shirt": hsv(rng, (0.0, 1.0), (0.1, 0.9), (0.35, 0.95)),
        "trousers": trousers,
        "skin": hsv(rng, (0.045, 0.08), (0.3, 0.6), (0.4, 0.98)),
        "hair": one_of(
            rng,
            hsv(rng, (0.05, 0.09), (0.4, 0.8), (0.08, 0.35)),
            hsv(rng, (0.1, 0.13), (0.4, 0.6), (0.6, 0.85)),
            grey(rng, (0.05, 0.7)),
        ),
        "shoe": darker(one_of(rng, grey(rng, (0.1, 0.9)), (0.5, 0.3, 0.15)), 0.9),
        "eye": (0.04, 0.04, 0.05),
    }
